"""Reading order of the lines of an upright page.

Lines are read row by row, from top to bottom and from left to right. Columns of prose (columns.py) and regions that do
not belong together (regions.py) are read one after the other. Anything that looks like a table or a receipt (short
cells side by side) stays in rows, because there a row belongs together. Pages of vertical columns (Chinese, Japanese)
are read from right to left.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from ocrspool.layout.boxes import bands, leveled, rows
from ocrspool.layout.columns import columns
from ocrspool.layout.regions import regions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocrspool.layout.boxes import Box
    from ocrspool.pages import Polygon

_HEADING = 1.5  # height from which a line is a heading, as a multiple of the median line's
_SPACE_ABOVE = 0.5  # of the median line's height: a heading keeps at least this distance from what is above it
_APART = 2.0  # line heights; what stands alone this far above or below columns is no part of them
_VERTICAL = 1.5  # height / width of a line that runs down
_SAME_COLUMN = 0.5  # shared width, as a share of the narrower box, from which two vertical lines stand in one column


def reading_order(polygons: Sequence[Polygon]) -> list[int]:
    """Return the indexes of the polygons in reading order."""
    boxes = leveled(polygons)
    down = [box for box in boxes if box.height >= _VERTICAL * box.width]
    if sum(box.height for box in down) > sum(box.width for box in boxes if box not in set(down)):
        return [box.place for box in _right_to_left(boxes)]
    return [box.place for box in _ordered(boxes)]


def _ordered(boxes: list[Box]) -> list[Box]:
    """Order one region: its sections, in each its tallest stretch of columns, and what is above and below that."""
    found = bands(boxes)
    if (end := _section(found)) < len(found):
        first, rest = ([box for band in part for box in band] for part in (found[:end], found[end:]))
        return [*_ordered(first), *_ordered(rest)]
    stretch = columns(found) or regions(found)
    if stretch is None:
        return [box for row in rows(boxes) for box in row]
    start, last, gutter = _trimmed(found, *stretch)
    above = [box for band in found[:start] for box in band]
    inside = [box for band in found[start:last] for box in band]
    below = [box for band in found[last:] for box in band]
    left = [box for box in inside if box.right <= gutter]
    right = [box for box in inside if box.right > gutter]
    return [*_ordered(above), *_ordered(left), *_ordered(right), *_ordered(below)]


def _section(found: list[list[Box]]) -> int:
    """Return the band before which a new section begins: headings side by side, and nothing else at their height.

    Columns end above them: below, other articles stand side by side, perhaps in other columns.
    """
    height = median(box.height for band in found for box in band) if found else 0.0
    headings = [all(box.height >= _HEADING * height for box in band) for band in found]
    for number in range(1, len(found)):
        above, band = found[number - 1], found[number]
        space = min(box.top for box in band) - max(box.bottom for box in above)
        if headings[number] and not headings[number - 1] and len(band) > 1 and space >= _SPACE_ABOVE * height:
            return number
    return len(found)


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


def _right_to_left(boxes: list[Box]) -> list[Box]:
    """Order vertical columns: right to left, and top to bottom where pieces of a column stand above each other."""
    columns: list[list[Box]] = []
    for box in sorted(boxes, key=lambda box: (-box.left - box.right, box.top, box.place)):
        if columns:
            last = columns[-1][-1]
            shared = min(last.right, box.right) - max(last.left, box.left)
            if shared >= _SAME_COLUMN * min(last.width, box.width):
                columns[-1].append(box)
                continue
        columns.append([box])
    return [box for column in columns for box in sorted(column, key=lambda box: (box.top, box.place))]
