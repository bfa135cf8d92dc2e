"""The ruling lines of a page: the frames and rules of its tables, and the lines between its parts.

They are looked for on a reduced copy, in which a line of one pixel still differs from its neighborhood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.spec import Pixels
    from ocrspool.pages import Segment

_SIDE = 1200  # pixels of the longer side of the copy
_NEIGHBORHOOD = 11  # pixels of the copy: what is darker than its neighborhood is ink
_LEAST_CONTRAST = 10  # grey levels: averaging makes a fine line faint
_SHORTEST = 36  # pixels of the copy: longer than the strokes of letters, and than underlined short words
_GAP = 5  # pixels of the copy that may be missing in a line: dots, and crossings that were lost
_THICKEST = 8  # pixels of the copy; thicker ones are bars and pictures
_BESIDE = 3  # rows of the copy above and below a line
_MOST_BESIDE = 0.35  # share of these that may be ink: a halftone picture has more
_MOST = 2000  # lines of a page; one that has more is a halftone picture


def ruling_lines(page: Pixels) -> tuple[Segment, ...]:
    """Return the level and the upright lines that are drawn on a page [h, w] or [h, w, 3], in its own pixels."""
    height, width = page.shape[:2]
    scale = min(_SIDE / max(height, width), 1.0)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = page if scale == 1.0 else cv2.resize(page, size, interpolation=cv2.INTER_AREA)
    grey = cv2.extractChannel(small, 1) if small.ndim == 3 else small  # noqa: PLR2004 - color
    around = cv2.blur(grey, (_NEIGHBORHOOD, _NEIGHBORHOOD))
    _, ink = cv2.threshold(cv2.subtract(around, grey), _LEAST_CONTRAST - 1, 255, cv2.THRESH_BINARY)
    found = [*_lines(ink), *((_swapped(start), _swapped(end)) for start, end in _lines(cv2.transpose(ink)))]
    if len(found) > _MOST:
        return ()
    across, down = width / size[0], height / size[1]
    return tuple(((x1 * across, y1 * down), (x2 * across, y2 * down)) for (x1, y1), (x2, y2) in found)


def _lines(ink: NDArray[np.uint8] | cv2.typing.MatLike) -> list[Segment]:
    """Return the level lines of an image of ink."""
    # Thicker first, so that a line that climbs from row to row stays in one piece.
    thick = cv2.dilate(ink, np.ones((3, 1), np.uint8))
    runs = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, _SHORTEST), np.uint8))
    runs = cv2.morphologyEx(runs, cv2.MORPH_CLOSE, np.ones((1, _GAP), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(runs, connectivity=8)
    found: list[Segment] = []
    for label in range(1, count):
        left, top, width, height, area = stats[label].tolist()
        if area > (_THICKEST + 2) * width or width < _SHORTEST or height > max(_THICKEST + 2, width // 4):
            continue
        beside = np.concatenate((ink[max(top - _BESIDE, 0) : top], ink[top + height : top + height + _BESIDE]))
        if np.count_nonzero(beside[:, left : left + width]) > _MOST_BESIDE * beside.shape[0] * width:
            continue
        piece = labels[top : top + height, left : left + width] == label
        ends = [float(np.flatnonzero(piece[:, column]).mean()) for column in (0, width - 1)]
        found.append(((left, top + ends[0] + 0.5), (left + width, top + ends[1] + 0.5)))
    return found


def _swapped(point: tuple[float, float]) -> tuple[float, float]:
    return point[1], point[0]
