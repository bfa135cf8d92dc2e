"""Reading order of the lines of an upright page.

Top to bottom and left to right, row by row, except that columns of prose are read one after the other. What looks
like a table or a receipt (short cells side by side) stays in rows, because there a row belongs together. Pages of
vertical columns (Chinese, Japanese) are read right to left.
"""

from __future__ import annotations

import itertools
import math
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ocrspool.model import Polygon

_PROSE_LINES = 4  # a column of prose has at least this many long lines
_LONG = 10.0  # a line is long from this width / height on
_FULL = 0.7  # running text fills its column: the median line is this long, as a share of the longest ones
_LONGEST = 0.9  # quantile of the widths that stands for "the longest ones", so that no stray line decides
_SAME_ROW = 0.5  # shared height, as a share of the lower box, from which two boxes stand in one row
_LEAST_GUTTER = 0.5  # of a line's height; narrower gaps are spaces between words
_APART = 2.0  # line heights; what stands alone this far above or below columns is no part of them
_VERTICAL = 1.5  # height / width of a line that runs down


class Box(NamedTuple):
    """Bounding box of one line after leveling the page; `place` is that of the input."""

    left: float
    top: float
    right: float
    bottom: float
    place: int

    @property
    def height(self) -> float:
        """Pixels."""
        return self.bottom - self.top

    @property
    def width(self) -> float:
        """Pixels."""
        return self.right - self.left


Gap = tuple[float, float]
"""A range of x, or y, that no box of a group touches."""


def reading_order(polygons: Sequence[Polygon]) -> list[int]:
    """Return the indexes of the polygons in reading order."""
    boxes = _leveled(polygons)
    down = [box for box in boxes if box.height >= _VERTICAL * box.width]
    if sum(box.height for box in down) > sum(box.width for box in boxes if box not in set(down)):
        return [box.place for box in _right_to_left(boxes)]
    return [box.place for box in _ordered(boxes)]


def _leveled(polygons: Sequence[Polygon]) -> list[Box]:
    """Return bounding boxes after turning the page by the lines' median slope: rows of a skewed page get level."""
    slopes = [
        math.atan2(right[1] - left[1], right[0] - left[0])
        for left, right, corner, _ in polygons
        if right[0] - left[0] > 2 * math.dist(right, corner)
    ]
    angle = median(slopes) if slopes else 0.0
    cosine, sine = math.cos(angle), math.sin(angle)
    boxes = []
    for index, polygon in enumerate(polygons):
        xs = [x * cosine + y * sine for x, y in polygon]
        ys = [y * cosine - x * sine for x, y in polygon]
        boxes.append(Box(min(xs), min(ys), max(xs), max(ys), index))
    return boxes


def _ordered(boxes: list[Box]) -> list[Box]:
    """Order one region: find its tallest stretch of columns, then what is above it, it, and what is below."""
    bands = _bands(boxes)
    stretch = _columns(bands)
    if stretch is None:
        return _rows(boxes)
    first, last, gutter = _trimmed(bands, *stretch)
    above = [box for band in bands[:first] for box in band]
    inside = [box for band in bands[first:last] for box in band]
    below = [box for band in bands[last:] for box in band]
    left = [box for box in inside if box.right <= gutter]
    right = [box for box in inside if box.right > gutter]
    return [*_ordered(above), *_ordered(left), *_ordered(right), *_ordered(below)]


def _bands(boxes: list[Box]) -> list[list[Box]]:
    """Group boxes into bands that no horizontal cut can divide, top to bottom."""
    bands: list[list[Box]] = []
    reach = -math.inf
    for box in sorted(boxes, key=lambda box: (box.top, box.left, box.place)):
        shrink = box.height * 0.2  # boxes overhang their text: touching lines are still two bands
        if box.top + shrink >= reach:
            bands.append([])
        bands[-1].append(box)
        reach = max(reach, box.bottom - shrink)
    return bands


def _columns(bands: list[list[Box]]) -> tuple[int, int, float] | None:
    """Return first band, end band and x of the gutter of the stretch of prose columns with most lines, if any."""
    best: tuple[int, int, float] | None = None
    most = 0
    long = [0, *itertools.accumulate(sum(map(_is_long, band)) for band in bands)]
    counts = [0, *itertools.accumulate(map(len, bands))]
    of_band = [_gaps(band) for band in bands]
    sides = _Sides(box for band in bands for box in band)
    for first in range(len(bands)):
        if long[-1] - long[first] < 2 * _PROSE_LINES:  # not enough for two columns: most receipts end here
            break
        gaps: list[Gap] = [(-math.inf, math.inf)]
        for last in range(first, len(bands)):
            gaps = [gap for gap in _intersection(gaps, of_band[last]) if sides.may_have_prose(gap)]
            if len(gaps) == 0:
                break
            count = counts[last + 1] - counts[first]
            if count <= most or long[last + 1] - long[first] < 2 * _PROSE_LINES:
                continue
            gutter = _gutter(gaps, [box for band in bands[first : last + 1] for box in band])
            if gutter is not None:
                best, most = (first, last + 1, gutter), count
    return best


class _Sides:
    """Tells of a gap in no time that it cannot be a gutter: a page of a thousand lines has millions of them."""

    def __init__(self, boxes: Iterable[Box]) -> None:
        long = [box for box in boxes if _is_long(box)]
        self._rights = sorted(box.right for box in long)
        self._lefts = sorted(box.left for box in long)

    def may_have_prose(self, gap: Gap) -> bool:
        """Return whether a part of this gap may have enough long lines on both sides, of all that there are."""
        start, end = gap
        enough = _PROSE_LINES - 1
        if len(self._rights) <= enough:
            return False
        # As far as a gutter may reach: it lies in the gap, to the right of four lines and to the left of four.
        return max(start, self._rights[enough]) < min(end, self._lefts[-_PROSE_LINES])


def _trimmed(bands: list[list[Box]], first: int, last: int, gutter: float) -> tuple[int, int, float]:
    """Leave off footers and headings that stand on one side of the gutter only, well apart from the columns."""
    height = median(box.height for band in bands[first:last] for box in band)

    def alone(band: list[Box]) -> bool:
        return len({box.right <= gutter for box in band}) == 1

    def apart(upper: list[Box], lower: list[Box]) -> bool:
        return min(box.top for box in lower) - max(box.bottom for box in upper) > _APART * height

    while last - first > 1 and alone(bands[last - 1]) and apart(bands[last - 2], bands[last - 1]):
        last -= 1
    while last - first > 1 and alone(bands[first]) and apart(bands[first], bands[first + 1]):
        first += 1
    return first, last, gutter


def _gaps(band: list[Box]) -> list[Gap]:
    """Return the ranges of x that no box of the band touches, the outer two included."""
    gaps = []
    reach = -math.inf
    for box in sorted(band):
        if box.left > reach:
            gaps.append((reach, box.left))
        reach = max(reach, box.right)
    return [*gaps, (reach, math.inf)]


def _intersection(some: list[Gap], others: list[Gap]) -> list[Gap]:
    pairs = ((max(a, c), min(b, d)) for a, b in some for c, d in others)
    return [(start, end) for start, end in pairs if start < end]


def _gutter(gaps: list[Gap], boxes: list[Box]) -> float | None:
    """Return the middle of the first gap that has prose on both sides, if any."""
    least = _LEAST_GUTTER * median(box.height for box in boxes)
    for start, end in gaps:
        if end - start < least:
            continue
        left = [box for box in boxes if box.right <= start]
        right = [box for box in boxes if box.left >= end]
        if _prose(left) and _prose(right):
            return (start + end) / 2
    return None


def _prose(boxes: list[Box]) -> bool:
    """Return whether the lines look like running text: enough long ones, and most as long as the column is wide.

    Addresses, lists of terms and table cells do not: their lines are short or end anywhere.
    """
    if sum(map(_is_long, boxes)) < _PROSE_LINES:
        return False
    widths = sorted(box.width for box in boxes)
    return median(widths) >= _FULL * widths[int(_LONGEST * (len(widths) - 1))]


def _is_long(box: Box) -> bool:
    return box.width >= _LONG * box.height


def _rows(boxes: list[Box]) -> list[Box]:
    """Order row by row; two boxes share a row if enough of their heights overlaps."""
    rows: list[list[Box]] = []
    for box in sorted(boxes, key=lambda box: (box.top + box.bottom, box.left, box.place)):
        # Level with all of them, not with one: a tall box must not tie two rows together.
        if rows and all(_same_row(one, box) for one in rows[-1]):
            rows[-1].append(box)
        else:
            rows.append([box])
    return [box for row in rows for box in sorted(row)]


def _same_row(one: Box, other: Box) -> bool:
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared >= _SAME_ROW * min(one.height, other.height)


def _right_to_left(boxes: list[Box]) -> list[Box]:
    """Order vertical columns: right to left, and top to bottom where pieces of a column stand above each other."""
    columns: list[list[Box]] = []
    for box in sorted(boxes, key=lambda box: (-box.left - box.right, box.top, box.place)):
        if columns:
            last = columns[-1][-1]
            shared = min(last.right, box.right) - max(last.left, box.left)
            if shared >= _SAME_ROW * min(last.width, box.width):
                columns[-1].append(box)
                continue
        columns.append([box])
    return [box for column in columns for box in sorted(column, key=lambda box: (box.top, box.place))]
