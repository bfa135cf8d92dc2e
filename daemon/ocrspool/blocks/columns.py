"""The columns of a table without a grid, as its rows show them one after the other. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from ocrspool.blocks.items import Item
from ocrspool.blocks.pieces import between

Row = list[Item]
Range = tuple[float, float]

_LEAST_GAP = 0.8  # of a font's size, between two cells of one row
_APART = 0.25  # of a font's size, between two columns
_MANY_SPANNING = 0.34  # share of the rows that may have a cell over several columns


@dataclass(frozen=True, slots=True)
class Columns:
    """From where to where each column reaches, from left to right."""

    ranges: tuple[Range, ...]
    rows: tuple[Row, ...]
    spanning: int = 0
    """Rows with a cell that goes over several columns."""

    @classmethod
    def of(cls, row: Row) -> Columns | None:
        """Return the columns that a row has by itself; None where it has one cell, or no room between its cells."""
        gaps = [two.left - one.right for one, two in itertools.pairwise(row)]
        if not gaps or min(gaps) < _LEAST_GAP * min(item.size for item in row):
            return None
        return cls(tuple((item.left, item.right) for item in row), (row,))

    def with_row(self, row: Row) -> Columns | None:
        """Return the columns with one row more; None where it does not fit."""
        if len(row) > 1 and Columns.of(row) is None:
            return None
        if len(row) > len(self.ranges):
            return self._anew(row)
        if len(row) == len(self.ranges):
            by_rank = _apart([_around(*both) for both in zip(self.ranges, map(_range, row), strict=True)], row)
            if by_rank:
                return Columns(by_rank, (*self.rows, row), self.spanning)
            if len(self.rows) == 1 and self._are_titles_of(row):
                return Columns(tuple(map(_range, row)), (*self.rows, row))
        return self._with_fewer(row)

    def _are_titles_of(self, row: Row) -> bool:
        """Return whether the only row so far has titles on the left of columns whose cells stand on the right."""
        starts = [-math.inf, *(item.left for item in row)]
        return all(start < left <= item.right for start, (left, _), item in zip(starts, self.ranges, row, strict=False))

    def _anew(self, row: Row) -> Columns | None:
        """Return the columns of a row with more cells than all rows before, if these fit."""
        found = Columns.of(row)
        for before in self.rows:
            if found is None:
                return None
            found = found._with_fewer(before)  # noqa: SLF001 - the same class
        return found and Columns(found.ranges, (*self.rows, row), found.spanning)

    def _with_fewer(self, row: Row) -> Columns | None:
        ranges = list(self.ranges)
        spanning, last = 0, -1
        for item in row:
            touched = self._touched(item)
            if len(touched) > 1:
                spanning = 1
            else:
                touched = touched or [self._nearest(item)]
                ranges[touched[0]] = _around(ranges[touched[0]], _range(item))
            if touched[0] <= last:
                return None
            last = touched[-1]
        apart = _apart(ranges, row)
        count = self.spanning + spanning
        if not apart or (spanning and count > 1 + _MANY_SPANNING * len(self.rows)):
            return None
        return Columns(apart, (*self.rows, row), count)

    def _touched(self, item: Item) -> list[int]:
        first, last = item.left, item.right
        return [at for at, (left, right) in enumerate(self.ranges) if first < right and last > left]

    def _nearest(self, item: Item) -> int:
        distances = [min(abs(item.left - left), abs(item.right - right)) for left, right in self.ranges]
        return distances.index(min(distances))

    def column_of(self, item: Item) -> int | None:
        """Return the only column in which a line stands; None where there are several."""
        touched = self._touched(item)
        return touched[0] if len(touched) == 1 else None if touched else self._nearest(item)

    def cells(self, row: Row) -> dict[int, list[Item]]:
        """Return the lines of a row by their column; one that goes over several is in the first of them."""
        if len(row) == len(self.ranges):
            return {column: [item] for column, item in enumerate(row)}
        found: dict[int, list[Item]] = {}
        for item in row:
            touched = self._touched(item)
            found.setdefault(touched[0] if touched else self._nearest(item), []).append(item)
        return found

    def divided(self, row: Row) -> Row:
        """Return a row with its lines divided that go over several columns and have room between words there."""
        gaps = [(one[1], two[0]) for one, two in itertools.pairwise(self.ranges)]
        parts = []
        for item in row:
            touched = self._touched(item)
            parts += between(item, gaps[touched[0] : touched[-1]]) if len(touched) > 1 else [item]
        return parts

    def span(self, items: Sequence[Item]) -> int:
        """Return over how many columns the lines of a cell go."""
        touched = {column for item in items for column in self._touched(item)}
        return max(touched) - min(touched) + 1 if touched else 1


def borders(ranges: Sequence[Range]) -> list[float]:
    """Return the places half way between each column and the next one."""
    return [(one[1] + two[0]) / 2 for one, two in itertools.pairwise(ranges)]


def _range(item: Item) -> Range:
    return item.left, item.right


def _around(one: Range, other: Range) -> Range:
    return min(one[0], other[0]), max(one[1], other[1])


def _apart(ranges: Sequence[Range], row: Row) -> tuple[Range, ...]:
    """Return the ranges if they keep apart; otherwise nothing."""
    least = _APART * min(item.size for item in row)
    kept = all(two[0] - one[1] >= least for one, two in itertools.pairwise(ranges))
    return tuple(ranges) if kept else ()
