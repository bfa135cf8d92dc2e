"""Tables with level ruling lines between their rows, and no upright ones. Pure.

A cell may have several lines there, so rows of text are not the rows of the table: what stands between two ruling lines
is. Where no cell has several lines, and where rows stand between two ruling lines, `aligned_tables` finds more.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from ocrspool.blocks.aligned_tables import FoundTable
from ocrspool.blocks.columns import Range, borders
from ocrspool.blocks.grid import Grid
from ocrspool.blocks.items import Item, Rule
from ocrspool.blocks.pieces import at_wide_gaps

_SAME_END = 1.5  # of a font's size: ruling lines of one table begin and end so near to each other
_LEAST_GAP = 1.0  # of a font's size, between two columns
_LEAST_ROWS = 3
_SHORT_CELL = 2  # lines: a row of a table has such a cell; texts side by side have none
_FILLED = 0.66  # share of the rows that have several cells, at least

Band = list[Item]
"""The lines, or parts of lines, between two ruling lines."""


def level_tables(lines: Sequence[Item], level: Sequence[Rule]) -> list[FoundTable]:
    """Return these tables among the lines of a page, by its level ruling lines."""
    items = [item for item in lines if not item.runs_down]
    if not items:
        return []
    size = median(item.size for item in items)
    found: list[FoundTable] = []
    for stack in _stacks(level, size):
        for rules, columns in _runs(stack, items, size):
            edges = [rules[0].start, *borders(columns), rules[0].end]
            upright = [Rule(x, rules[0].place, rules[-1].place) for x in edges]
            table = Grid(rules, upright, size).table(items)
            found += [table] if table else []
    return found


def _stacks(rules: Sequence[Rule], size: float) -> list[list[Rule]]:
    """Return the ruling lines in groups that begin and end below each other."""
    found: list[list[Rule]] = []
    near = _SAME_END * size
    for rule in sorted(rules):
        for stack in found:
            if abs(stack[-1].start - rule.start) <= near and abs(stack[-1].end - rule.end) <= near:
                stack.append(rule)
                break
        else:
            found.append([rule])
    return [stack for stack in found if len(stack) > _LEAST_ROWS]


def _runs(stack: Sequence[Rule], items: Sequence[Item], size: float) -> Iterator[tuple[list[Rule], list[Range]]]:
    """Yield the ruling lines of each table, and the columns of its text."""
    bands = _bands(stack, items)
    start = 0
    while start < len(bands):
        end, columns = start, list[Range]()
        while end < len(bands) and bands[end]:
            grown = _joined([*columns, *((item.left, item.right) for item in bands[end])], size)
            if len(grown) < 2:  # noqa: PLR2004 - side by side
                break
            end, columns = end + 1, grown
        if _is_table(bands[start:end], columns):
            yield list(stack[start : end + 1]), columns
        start = max(end, start + 1)


def _bands(stack: Sequence[Rule], items: Sequence[Item]) -> list[Band]:
    """Return what stands between each ruling line and the next one; a line in parts where it has wide gaps."""
    in_order = sorted(items, key=lambda item: item.middle)
    middles = [item.middle for item in in_order]
    ends = [bisect_right(middles, rule.place) for rule in stack]
    found = []
    for rule, (first, end) in zip(stack, itertools.pairwise(ends), strict=False):
        parts = [part for item in in_order[first:end] for part in at_wide_gaps(item)]
        found.append([part for part in parts if rule.start <= part.center <= rule.end])
    return found


def _joined(ranges: Sequence[Range], size: float) -> list[Range]:
    """Return from where to where text stands, from left to right; what is nearer than two columns is one."""
    found: list[Range] = []
    for left, right in sorted(ranges):
        if found and left - found[-1][1] < _LEAST_GAP * size:
            found[-1] = found[-1][0], max(found[-1][1], right)
        else:
            found.append((left, right))
    return found


def _is_table(bands: Sequence[Band], columns: Sequence[Range]) -> bool:
    """Tell whether each of these bands is a row of a table with these columns, and one has a cell of several lines."""
    if len(bands) < _LEAST_ROWS:
        return False
    heights = []
    for band in bands:
        lines = Counter(bisect_right(columns, (item.left, math.inf)) for item in band)
        heights.append(list(lines.values()))
    return (
        all(min(each) <= _SHORT_CELL for each in heights)
        and sum(len(each) > 1 for each in heights) >= _FILLED * len(bands)
        and any(max(each) > 1 for each in heights)
    )
