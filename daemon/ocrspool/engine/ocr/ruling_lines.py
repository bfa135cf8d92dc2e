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
    grey = cv2.extractChannel(page, 1) if page.ndim == 3 else page  # noqa: PLR2004 - color
    height, width = grey.shape[:2]
    times = max(round(max(height, width) / _SIDE), 1)  # a whole number: such copies cost a quarter of the time
    size = max(width // times, 1), max(height // times, 1)
    whole = grey[: size[1] * times, : size[0] * times]
    small = cv2.resize(whole, size, interpolation=cv2.INTER_AREA) if times > 1 else grey
    # Each step writes over what the step before has made: new memory takes longer than the step itself.
    ink = cv2.blur(small, (_NEIGHBORHOOD, _NEIGHBORHOOD))
    cv2.subtract(ink, small, dst=ink)
    cv2.threshold(ink, _LEAST_CONTRAST - 1, 255, cv2.THRESH_BINARY, dst=ink)
    found = [*_lines(ink), *((_swapped(start), _swapped(end)) for start, end in _lines(cv2.transpose(ink)))]
    if len(found) > _MOST:
        return ()
    return tuple(((x1 * times, y1 * times), (x2 * times, y2 * times)) for (x1, y1), (x2, y2) in found)


def _lines(ink: NDArray[np.uint8] | cv2.typing.MatLike) -> list[Segment]:
    """Return the level lines of an image of ink."""
    # Thicker first, so that a line that climbs from row to row stays in one piece.
    runs = cv2.dilate(ink, np.ones((3, 1), np.uint8))
    cv2.morphologyEx(runs, cv2.MORPH_OPEN, np.ones((1, _SHORTEST), np.uint8), dst=runs)
    cv2.morphologyEx(runs, cv2.MORPH_CLOSE, np.ones((1, _GAP), np.uint8), dst=runs)
    left, top, width, height = cv2.boundingRect(runs)
    if not width:
        return []
    lines = runs[top : top + height, left : left + width]  # the search makes a copy of all that it is given
    outlines, _ = cv2.findContours(lines, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(left, top))
    return [line for outline in outlines if (line := _line(outline, runs, ink))]


def _line(outline: cv2.typing.MatLike, runs: cv2.typing.MatLike, ink: cv2.typing.MatLike) -> Segment | None:
    """Return the line that a piece is, if it is long and thin, and stands free."""
    left, top, width, height = cv2.boundingRect(outline)
    if width < _SHORTEST or height > max(_THICKEST + 2, width // 4):
        return None
    if cv2.countNonZero(runs[top : top + height, left : left + width]) > (_THICKEST + 2) * width:
        return None
    above, below = ink[max(top - _BESIDE, 0) : top], ink[top + height : top + height + _BESIDE]
    beside = sum(np.count_nonzero(rows[:, left : left + width]) for rows in (above, below))
    if beside > _MOST_BESIDE * (len(above) + len(below)) * width:
        return None
    points = outline[:, 0, :]
    start, end = (float(points[points[:, 0] == x, 1].mean()) for x in (left, left + width - 1))
    return (left, start + 0.5), (left + width, end + 0.5)


def _swapped(point: tuple[float, float]) -> tuple[float, float]:
    return point[1], point[0]
