"""The grid of a table: level and upright ruling lines are the borders of cells. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ocrspool.blocks.aligned_tables import FoundTable, cell_of
from ocrspool.blocks.columns import Columns, borders
from ocrspool.blocks.items import Item, Rule, rows
from ocrspool.blocks.pieces import between
from ocrspool.blocks.values import Table

_LEAST_SIDE = 0.7  # of a font's size: lines that are nearer to each other are one
_BORDER = 0.5  # share of a cell's side that is drawn, from which on it is a border
_BESIDE_BORDER = 0.1  # of a font's size: words on both sides of a border are at least this far apart
_PROSE = 8  # lines in each cell, on the average, from which on a few cells are the frames of columns
_FEW_CELLS = 4
_LEDGER = 3  # lines one above the other in two cells side by side: perhaps rows without a rule between them
_TIGHT = 1.5  # distance of lines within a cell, in sizes of the font
_FILLED = 0.6  # share of such rows that have several cells, from which on they are rows

Region = tuple[int, int, int, int]
"""First row, first column, end row, end column."""


class Grid:
    """The ruling lines of one table."""

    def __init__(self, level: Sequence[Rule], upright: Sequence[Rule], size: float) -> None:
        self._level, self._upright = list(level), list(upright)
        self._size = size
        across = [end for rule in level for end in (rule.start, rule.end)]
        down = [end for rule in upright for end in (rule.start, rule.end)]
        self._xs = _places([rule.place for rule in upright], across, size)
        self._ys = _places([rule.place for rule in level], down, size)

    def table(self, items: Sequence[Item]) -> FoundTable | None:
        """Return the table, if the grid has cells with text in several columns."""
        if len(self._xs) < 3 or len(self._ys) < 2:  # noqa: PLR2004 - two columns and a row
            return None
        self._add_columns(items)
        filled: dict[Region, list[Item]] = {}
        regions = self._regions()
        for item in items:
            for part in self._parts(item, regions):
                if (at := self._at(part)) is not None:
                    filled.setdefault(regions[at], []).append(part)
        columns = {region[1] for region in filled}
        lines = sum(map(len, filled.values()))
        if len(columns) < 2 or (len(filled) <= _FEW_CELLS and lines >= _PROSE * len(filled)):  # noqa: PLR2004
            return None
        filled = self._columns_divided(self._labels_divided(filled))
        table = _numbered(_split_rows(filled, len(self._ys) - 1))
        return FoundTable(table, frozenset(item.place for items in filled.values() for item in items))

    def _add_columns(self, items: Sequence[Item]) -> None:
        """Add borders to a column that holds as many texts side by side in each row: they are not all drawn."""
        added: list[float] = []
        for left, right in itertools.pairwise(self._xs):
            inside = [item for item in items if left <= item.left and item.right <= right and self._at(item)]
            lines = rows(_row_by_row(sorted(inside, key=lambda item: item.middle)))
            columns = Columns.of(lines[0]) if len(lines) > 1 and len({len(line) for line in lines}) == 1 else None
            for line in lines[1:]:
                columns = columns and columns.with_row(line)
            if columns and len(columns.ranges) == len(lines[0]):
                added += borders(columns.ranges)
        self._upright = [*self._upright, *(Rule(x, self._ys[0], self._ys[-1]) for x in added)]
        self._xs = sorted([*self._xs, *added])

    def _labels_divided(self, filled: dict[Region, list[Item]]) -> dict[Region, list[Item]]:
        """Divide a cell beside several rows that has one line for each of them: these are labels of the rows."""
        found: dict[Region, list[Item]] = {}
        for region, items in filled.items():
            at_rows = [at[0] for item in items if (at := self._at(item))]
            if region[2] - region[0] > 1 and sorted(at_rows) == list(range(region[0], region[2])):
                for row, item in zip(at_rows, items, strict=True):
                    found[row, region[1], row + 1, region[3]] = [item]
            else:
                found[region] = items
        return found

    def _columns_divided(self, filled: dict[Region, list[Item]]) -> dict[Region, list[Item]]:
        """Divide a cell over several columns that has texts side by side, each in its own column: these are cells."""
        found: dict[Region, list[Item]] = {}
        for region, items in filled.items():
            columns = [self._column(item) for item in items]
            if region[3] - region[1] < 2 or len(set(columns)) < 2 or None in columns:  # noqa: PLR2004 - side by side
                found[region] = items
                continue
            for column, item in zip(columns, items, strict=True):
                start = column or 0
                found.setdefault((region[0], start, region[2], start + 1), []).append(item)
        return found

    def _column(self, item: Item) -> int | None:
        """Return the only column of the grid in which a line stands; None if it goes over several."""
        slack = self._size / 3
        first = sum(x <= item.left + slack for x in self._xs) - 1
        last = sum(x < item.right - slack for x in self._xs) - 1
        return first if first == last and 0 <= first < len(self._xs) - 1 else None

    def _parts(self, item: Item, regions: dict[tuple[int, int], Region]) -> list[Item]:
        """Return the parts of a line that stands in several cells."""
        if (at := self._at(item)) is None:
            return [item]
        borders = {self._xs[regions[at[0], column][3]] for column in range(len(self._xs) - 1)}
        crossed = [x for x in borders if item.left + self._size / 2 < x < item.right - self._size / 2]
        near = self._size / 2
        return between(item, [(x - near, x + near) for x in crossed], room=_BESIDE_BORDER) if crossed else [item]

    def _at(self, item: Item) -> tuple[int, int] | None:
        """Return the row and the column in which the middle of a line stands."""
        row = sum(y <= item.middle for y in self._ys) - 1
        column = sum(x <= item.center for x in self._xs) - 1
        inside = 0 <= row < len(self._ys) - 1 and 0 <= column < len(self._xs) - 1
        return (row, column) if inside else None

    def _regions(self) -> dict[tuple[int, int], Region]:
        """Return the cell to which each field of the grid belongs: fields without a border between them are one."""
        height, width = len(self._ys) - 1, len(self._xs) - 1
        regions = {
            (row, column): (row, column, row + 1, column + 1) for row in range(height) for column in range(width)
        }
        for row, column in itertools.product(range(height), range(width)):
            if column + 1 < width and not self._has_border(
                self._upright, self._xs[column + 1], self._ys[row : row + 2]
            ):
                _join(regions, (row, column), (row, column + 1))
            if row + 1 < height and not self._has_border(self._level, self._ys[row + 1], self._xs[column : column + 2]):
                _join(regions, (row, column), (row + 1, column))
        return regions

    def _has_border(self, rules: Sequence[Rule], place: float, side: Sequence[float]) -> bool:
        start, end = side
        near = [rule for rule in rules if abs(rule.place - place) <= self._size * _LEAST_SIDE]
        drawn = sum(max(min(rule.end, end) - max(rule.start, start), 0.0) for rule in near)
        return drawn >= _BORDER * (end - start)


def _places(own: Sequence[float], ends: Sequence[float], size: float) -> list[float]:
    """Return the places of the lines of a grid; where others reach beyond these, the table is open there."""
    found: list[list[float]] = []
    for place in sorted(own):
        if found and place - found[-1][-1] <= _LEAST_SIDE * size:
            found[-1].append(place)
        else:
            found.append([place])
    places = [sum(group) / len(group) for group in found]
    before = [min(ends)] if min(ends) < places[0] - 2 * size else []
    after = [max(ends)] if max(ends) > places[-1] + 2 * size else []
    return [*before, *places, *after]


def _join(regions: dict[tuple[int, int], Region], one: tuple[int, int], other: tuple[int, int]) -> None:
    """Make one cell of two, and of all that the rectangle around them touches."""
    if regions[one] == regions[other]:
        return
    around = _around(regions[one], regions[other])
    while True:
        touched = {
            regions[field] for field in itertools.product(range(around[0], around[2]), range(around[1], around[3]))
        }
        grown = around
        for region in touched:
            grown = _around(grown, region)
        if grown == around:
            break
        around = grown
    for field in itertools.product(range(around[0], around[2]), range(around[1], around[3])):
        regions[field] = around


def _around(one: Region, other: Region) -> Region:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _split_rows(filled: dict[Region, list[Item]], height: int) -> dict[Region, list[Item]]:
    """Return the cells with rows of the grid divided that hold rows of text without a rule between them."""
    found: dict[Region, list[Item]] = {}
    added = 0
    for row in range(height):
        here = {region: items for region, items in filled.items() if region[0] == row}
        lines = _ledger(here, row, few_rules=height <= _LEDGER)
        more = max(len(lines) - 1, 0)
        for region, items in here.items():
            if region[2] > row + 1 or not lines:  # a cell beside several rows goes along with them
                found[row + added, region[1], region[2] + added + more, region[3]] = items
                continue
            for number, line in enumerate(lines):
                if own := [item for item in items if item in line]:
                    found[row + added + number, region[1], row + added + number + 1, region[3]] = own
        added += more
    return found


def _ledger(here: dict[Region, list[Item]], row: int, *, few_rules: bool) -> list[list[Item]]:
    """Return the rows of text in one row of the grid, if these are rows of the table.

    In a grid with few level rules they are if most of them have several cells. In another one they may be the lines of
    texts side by side; but not if all cells have as many.
    """
    single = [items for region, items in here.items() if region[2] == row + 1]
    if sum(len(items) >= _LEDGER for items in single) < 2:  # noqa: PLR2004 - side by side
        return []
    if not few_rules and (len(single) < _LEDGER or len({len(items) for items in single}) > 1):
        return []
    in_order = sorted((item for items in single for item in items), key=lambda item: (item.middle, item.left))
    lines = rows(_row_by_row(in_order))
    several = sum(len(line) > 1 for line in lines)
    return _with_next_lines(lines) if several >= _FILLED * len(lines) else []


def _with_next_lines(lines: list[list[Item]]) -> list[list[Item]]:
    """Return the rows with those joined that go on in the row above: near below it, and not in the first column."""
    first = min(item.left for line in lines for item in line)
    found: list[list[Item]] = []
    for line in lines:
        size = line[0].size
        near = bool(found) and line[0].middle - max(item.middle for item in found[-1]) <= _TIGHT * size
        if near and min(item.left for item in line) > first + 2 * size:
            found[-1] = [*found[-1], *line]
        else:
            found.append(line)
    return found


def _row_by_row(items: Sequence[Item]) -> list[Item]:
    """Order lines by rows, each from left to right."""
    found: list[list[Item]] = []
    for item in items:
        if found and item.middle - found[-1][0].middle < item.height / 2:
            found[-1].append(item)
        else:
            found.append([item])
    return [item for row in found for item in sorted(row, key=lambda item: item.left)]


def _numbered(filled: dict[Region, list[Item]]) -> Table:
    """Return the table of these cells; rows and columns of the grid in which no cell begins are left out."""
    row_numbers = {row: number for number, row in enumerate(sorted({region[0] for region in filled}))}
    column_numbers = {column: number for number, column in enumerate(sorted({region[1] for region in filled}))}
    cells = []
    for region in sorted(filled):
        in_order = _row_by_row(sorted(filled[region], key=lambda item: (item.middle, item.left)))
        cells.append(
            cell_of(
                in_order,
                row_numbers[region[0]],
                column_numbers[region[1]],
                sum(region[0] <= row < region[2] for row in row_numbers),
                sum(region[1] <= column < region[3] for column in column_numbers),
            )
        )
    return Table(len(row_numbers), len(column_numbers), tuple(cells))
