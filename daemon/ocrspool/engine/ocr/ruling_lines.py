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
_ONE, _LAST, _FULL = np.uint64(1), np.uint64(63), np.uint64(2**64 - 1)
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
    turned = cv2.transpose(ink)
    found = [*_lines(ink, turned), *((_swapped(start), _swapped(end)) for start, end in _lines(turned, ink))]
    if len(found) > _MOST:
        return ()
    return tuple(((x1 * times, y1 * times), (x2 * times, y2 * times)) for (x1, y1), (x2, y2) in found)


def _lines(ink: cv2.typing.MatLike, turned: cv2.typing.MatLike) -> list[Segment]:
    """Return the level lines of an image of ink, which is also given with x and y exchanged."""
    runs, corner = _runs(turned)
    if not runs.size:
        return []
    outlines, _ = cv2.findContours(runs, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=corner)
    return [line for outline in outlines if (line := _line(outline, (runs, corner), ink))]


def _runs(turned: cv2.typing.MatLike) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Return where level runs of ink are as long as a line: the part of the image that has any, its left and top.

    A pixel of 8 is a bit of a byte, and 8 bytes are a number, so that each step is one for 64 rows of the image. The
    steps are those of OpenCV's `dilate` and `morphologyEx`, also at the edges; those take twenty times as long.
    """
    width, height = turned.shape
    packed = np.packbits(np.asarray(turned, np.uint8), axis=1)
    bits = np.zeros((width, -(-packed.shape[1] // 8)), ">u8")
    bits.view(np.uint8)[:, : packed.shape[1]] = packed
    # Thicker first, so that a line that climbs from row to row stays in one piece.
    runs = _thicker(bits.astype(np.uint64))
    runs = _joined(_shared(runs, _SHORTEST), _SHORTEST)
    runs = _shared(_joined(runs, _GAP), _GAP)
    columns = np.flatnonzero(runs.any(axis=1))
    if not len(columns):
        return np.empty((0, 0), np.uint8), (0, 0)
    left, right = int(columns[0]), int(columns[-1]) + 1
    shown = np.unpackbits(runs[left:right].astype(">u8").view(np.uint8), axis=1, count=height)
    rows = np.flatnonzero(np.bitwise_or.reduce(shown, axis=0))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    return np.asarray(cv2.transpose(shown[:, top:bottom]), np.uint8), (left, top)


def _thicker(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return pixels that have ink, or the one above or below has; the first bit of a number is the upper one."""
    thick: NDArray[np.uint64] = bits | bits << _ONE | bits >> _ONE
    thick[:, :-1] |= bits[:, 1:] >> _LAST
    thick[:, 1:] |= bits[:, :-1] << _LAST
    return thick


def _shared(bits: NDArray[np.uint64], count: int) -> NDArray[np.uint64]:
    """Return the pixels around which all of `count` in a row have ink, or lie beyond the edge of the image."""
    return _combined(bits, count, np.bitwise_and, _FULL)


def _joined(bits: NDArray[np.uint64], count: int) -> NDArray[np.uint64]:
    """Return the pixels around which one of `count` in a row has ink."""
    return _combined(bits, count, np.bitwise_or, np.uint64(0))


def _combined(bits: NDArray[np.uint64], count: int, combine: np.ufunc, outside: np.uint64) -> NDArray[np.uint64]:
    before, after = count // 2, count - 1 - count // 2
    found: NDArray[np.uint64] = np.pad(bits, ((before, after), (0, 0)), constant_values=outside)
    length = 1
    while length < count:
        step = min(length, count - length)
        found, length = combine(found[step:], found[:-step]), length + step
    return found


def _line(
    outline: cv2.typing.MatLike, found: tuple[NDArray[np.uint8], tuple[int, int]], ink: cv2.typing.MatLike
) -> Segment | None:
    """Return the line that a piece is, if it is long and thin, and stands free; `found` is what `_runs` returned."""
    left, top, width, height = cv2.boundingRect(outline)
    if width < _SHORTEST or height > max(_THICKEST + 2, width // 4):
        return None
    runs, (first, upper) = found
    piece = runs[top - upper : top - upper + height, left - first : left - first + width]
    if cv2.countNonZero(piece) > (_THICKEST + 2) * width:
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
