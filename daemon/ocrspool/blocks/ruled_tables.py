"""Tables with a grid: level and upright ruling lines that cross each other are the borders of cells. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from ocrspool.blocks.aligned_tables import FoundTable
from ocrspool.blocks.grid import Grid
from ocrspool.blocks.items import Leveled, Rule

_REACH = 0.6  # of a font's size: ruling lines that end so near to each other meet


def ruled_tables(page: Leveled) -> list[FoundTable]:
    """Return the tables with a grid of a page. Each line is in one of them at most."""
    sizes = [item.size for item in page.items]
    if not sizes or not page.rules.upright or not page.rules.level:
        return []
    size = median(sizes)
    found = [Grid(level, upright, size).table(page.items) for level, upright in _crossing(page, size * _REACH)]
    return _apart([table for table in found if table is not None])


def _apart(tables: Sequence[FoundTable]) -> list[FoundTable]:
    """Return the tables but for those that share a line with one of more lines: two grids that lie over each other."""
    kept: list[FoundTable] = []
    for table in sorted(tables, key=lambda each: -len(each.places)):
        if all(table.places.isdisjoint(other.places) for other in kept):
            kept.append(table)
    return [table for table in tables if table in kept]


def _crossing(page: Leveled, reach: float) -> Iterator[tuple[list[Rule], list[Rule]]]:
    """Yield the rules of each grid: those that meet, directly or by way of others."""
    level, upright = page.rules
    left_over = set(range(len(upright)))
    level_left = set(range(len(level)))
    while left_over:
        ones, others = {left_over.pop()}, set[int]()
        grown = True
        while grown:
            more = {a for a in level_left if any(_meet(level[a], upright[b], reach) for b in ones)}
            level_left -= more
            others |= more
            also = {b for b in left_over if any(_meet(level[a], upright[b], reach) for a in more)}
            left_over -= also
            ones |= also
            grown = bool(also)
        if others:
            yield [level[at] for at in sorted(others)], [upright[at] for at in sorted(ones)]


def _meet(level: Rule, upright: Rule, reach: float) -> bool:
    return (
        level.start - reach <= upright.place <= level.end + reach
        and upright.start - reach <= level.place <= upright.end + reach
    )
