"""Regions that are side by side and do not belong together: a sidebar, a box beside an article.

White space alone does not distinguish them from the columns of a table. The rows do: the lines of a table form rows
across the gap. Those of two regions do not, because each region has its own line spacing and its own beginning.
"""

from __future__ import annotations

import itertools
import math
from statistics import median
from typing import TYPE_CHECKING

from ocrspool.layout.boxes import Gap, gaps, intersection, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocrspool.layout.boxes import Box

Stretch = tuple[int, int, float]
"""First band, end band, and x of the gutter between what stands left and right."""

_LEAST_ROWS = 5  # of each region, beside the other one: with fewer, lines may stand in rows by chance
_LEAST_GUTTER = 1.0  # of a line's height
_DENSE = 2.6  # distance of rows from each other in a region, in line heights; rows of a table may be further apart
_NEIGHBOR = 0.75
"""A row without another so near across the gap, as a share of their distance, stands beside an empty cell."""
_OUT_OF_STEP = 0.14
"""Median deviation of the distance from a row to the nearest one across the gap, as a share of the rows' distance, from
which on the two do not belong together. By chance it is 0.25; in a table, however bent the paper is, about 0.05."""


def regions(bands: list[list[Box]]) -> Stretch | None:
    """Return the stretch with most lines in which two regions stand side by side, if there is one."""
    best: Stretch | None = None
    most = 0
    for first, last, gap in _stretches(bands):
        boxes = [box for band in bands[first:last] for box in band]
        if len(boxes) > most and _independent(boxes, gap):
            best, most = (first, last, _middle(gap)), len(boxes)
    return best


def _stretches(bands: list[list[Box]]) -> Iterator[tuple[int, int, Gap]]:
    """Yield gaps between boxes, each with all the bands up and down that leave it open: first band, end band, gap."""
    of_band = [gaps(band) for band in bands]
    seen: set[tuple[int, int, Gap]] = set()
    for number, band in enumerate(of_band):
        for gap in band[1:-1]:
            first, upper = _extended(gap, number, -1, of_band)
            last, both = _extended(upper, number, 1, of_band)
            found = (first, last + 1, both)
            if found not in seen:
                seen.add(found)
                yield found


def _extended(gap: Gap, start: int, step: int, of_band: list[list[Gap]]) -> tuple[int, Gap]:
    """Return the last band in this direction that leaves a part of the gap open, and that part."""
    reached = start
    for number in range(start + step, len(of_band) if step > 0 else -1, step):
        parts = intersection([gap], of_band[number])
        if not parts:
            break
        gap = max(parts, key=lambda part: part[1] - part[0])
        reached = number
    return reached, gap


def _independent(boxes: list[Box], gap: Gap) -> bool:
    """Return whether the lines left and right of a gap are regions of their own."""
    start, end = gap
    if end - start < _LEAST_GUTTER * median(box.height for box in boxes):
        return False
    left, right = ([box for box in boxes if box.right <= start], [box for box in boxes if box.left >= end])
    sides = [_beside(left, right), _beside(right, left)]
    fewer, more = sorted(sides, key=len)
    if len(fewer) < _LEAST_ROWS or not all(map(_is_dense, sides)):
        return False
    middles, pitch = [_middle_of(row) for row in more], _pitch(more)
    offsets = [min((middle - _middle_of(row) for middle in middles), key=abs) for row in fewer]
    told = [offset for offset in offsets if abs(offset) < _NEIGHBOR * pitch]
    return len(told) >= _LEAST_ROWS and _deviation(told) > _OUT_OF_STEP * pitch


def _deviation(values: list[float]) -> float:
    """Return the median distance of values from their median: a few that are far off do not count."""
    middle = median(values)
    return median(abs(value - middle) for value in values)


def _beside(boxes: list[Box], others: list[Box]) -> list[list[Box]]:
    """Return the rows of `boxes` that have something of the others at their height or above and below it."""
    if not others:
        return []
    top, bottom = min(box.top for box in others), max(box.bottom for box in others)
    return [row for row in rows(boxes) if top <= _middle_of(row) <= bottom]


def _is_dense(side: list[list[Box]]) -> bool:
    """Return whether rows follow each other as lines of text do."""
    return _pitch(side) <= _DENSE * median(box.height for row in side for box in row)


def _pitch(side: list[list[Box]]) -> float:
    """Return the median distance from one row to the next."""
    middles = [_middle_of(row) for row in side]
    return median(lower - upper for upper, lower in itertools.pairwise(middles)) if len(middles) > 1 else math.inf


def _middle_of(row: list[Box]) -> float:
    return sum(box.middle for box in row) / len(row)


def _middle(gap: Gap) -> float:
    return (gap[0] + gap[1]) / 2
