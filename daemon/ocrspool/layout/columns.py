"""Columns of prose: side by side, of even width, and full of long lines."""

from __future__ import annotations

import itertools
import math
from statistics import median
from typing import TYPE_CHECKING

from ocrspool.layout.boxes import gaps, intersection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ocrspool.layout.boxes import Box, Gap
    from ocrspool.layout.regions import Stretch

_PROSE_LINES = 4  # a column of prose has at least this many long lines
_LONG = 10.0  # a line is long from this width / height on
_FULL = 0.5  # running text fills its column: the median line is this long, as a share of the longest ones
_LONGEST = 0.9  # quantile of the widths that stands for "the longest ones", so that no stray line decides
_LEAST_GUTTER = 0.5  # of a line's height; narrower gaps are spaces between words


def columns(bands: list[list[Box]]) -> Stretch | None:
    """Return first band, end band and x of the gutter of the stretch of prose columns with most lines, if any."""
    best: Stretch | None = None
    most = 0
    long = [0, *itertools.accumulate(sum(map(_is_long, band)) for band in bands)]
    counts = [0, *itertools.accumulate(map(len, bands))]
    of_band = [gaps(band) for band in bands]
    sides = _Sides(box for band in bands for box in band)
    for first in range(len(bands)):
        if long[-1] - long[first] < 2 * _PROSE_LINES:  # not enough for two columns: most receipts end here
            break
        open_gaps: list[Gap] = [(-math.inf, math.inf)]
        for last in range(first, len(bands)):
            open_gaps = [gap for gap in intersection(open_gaps, of_band[last]) if sides.may_have_prose(gap)]
            if len(open_gaps) == 0:
                break
            count = counts[last + 1] - counts[first]
            if count <= most or long[last + 1] - long[first] < 2 * _PROSE_LINES:
                continue
            gutter = _gutter(open_gaps, [box for band in bands[first : last + 1] for box in band])
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


def _gutter(open_gaps: list[Gap], boxes: list[Box]) -> float | None:
    """Return the middle of the first gap that has prose on both sides, if any."""
    least = _LEAST_GUTTER * median(box.height for box in boxes)
    for start, end in open_gaps:
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
