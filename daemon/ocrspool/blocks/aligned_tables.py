"""Tables without a grid: rows of short cells that stand below each other in columns. Pure.

The reading order keeps such rows together, because it reads columns of prose one after the other and all else row by
row. So a table is a run of rows, most of them with several cells, in which the cells of a column keep apart from those
of the next one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ocrspool.blocks import markers
from ocrspool.blocks.columns import Columns, Row
from ocrspool.blocks.items import Item, Rule, rows
from ocrspool.blocks.pieces import at_wide_gaps
from ocrspool.blocks.values import Cell, Table

_FARTHEST = 3.4  # distance of the rows of a table, in sizes of the font
_LEAST_ROWS = 3  # of a table with two columns; of one with more, two
_FEW_COLUMNS = 2
_LONG_CELL = 45  # characters; two columns of longer cells are prose
_FAR = 18.0  # of a font's size: two columns that are further apart have nothing to do with each other
_MANY_ROWS = 6  # rows from which on two columns are a table, even without numbers in the second one
_SENTENCES = 0.4  # share of the lines of running text that begin with a small letter, at least
_TIGHT = 1.5  # distance of lines within a cell, in sizes of the font
_FULL = 0.6  # share of the rows that a column has cells in, for a row without one to go on the row above
_MANY_SINGLE = 0.5  # share of rows with one cell only, from which on it is no table
_RULED = 0.4  # ruling lines as a share of the rows, from which on they divide the rows
_OTHER_SIZE = 1.6  # ratio of heights: a heading is larger than what is below it

Cells = dict[int, list[Item]]


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table, and the lines that it holds."""

    table: Table
    places: frozenset[int]


def cell_of(items: Sequence[Item], row: int, column: int, row_span: int, column_span: int) -> Cell:
    """Return the cell that holds these lines, or parts of lines."""
    places, texts = tuple(item.place for item in items), tuple(item.text for item in items)
    return Cell(row, column, places, texts, row_span, column_span)


def aligned_tables(items: Sequence[Item], rules: Sequence[Rule] = ()) -> list[FoundTable]:
    """Return the tables among the lines of a page in reading order; `rules` are level ones."""
    found = []
    parts = [part for item in items if not item.runs_down for part in at_wide_gaps(item)]
    page_rows = [_without_markers(row) for row in rows(parts)]
    start = 0
    while start < len(page_rows):
        columns, end = _run(page_rows, start)
        table = _table(page_rows[start:end], columns, rules) if columns and end - start > 1 else None
        found += [table] if table else []
        start = max(end, start + 1)  # no part of what is no table is one
    return found


def _without_markers(row: Row) -> Row:
    """Return a row whose first line, if it is a bullet alone, does not count as a cell."""
    return row[1:] if len(row) > 1 and markers.is_lone_marker(row[0].text) else row


def _run(page_rows: Sequence[Row], start: int) -> tuple[Columns | None, int]:
    """Return the columns of the run of rows that begins here, and its end."""
    columns = Columns.of(page_rows[start])
    if columns is None:
        return None, start
    end, reached = start + 1, start + 1
    found = columns
    while end < len(page_rows) and _near(page_rows[end - 1], page_rows[end]):
        row = page_rows[end]
        more = columns.with_row(row)
        if more is None or (more.spanning > columns.spanning and len(row) < len(columns.ranges)):
            divided = columns.divided(row)
            more = columns.with_row(divided) or more
        if more is None:
            break
        columns = more
        end += 1
        if len(row) > 1 or _goes_on_in_cell(page_rows[end - 2], row, columns):
            reached, found = end, columns
    return found, reached


def _near(above: Row, row: Row) -> bool:
    distance = _middle(row) - _middle(above)
    if not 0 < distance <= _FARTHEST * max(item.size for item in row):
        return False
    one, two = _height(above), _height(row)
    return max(one, two) < _OTHER_SIZE * min(one, two)


def _height(row: Row) -> float:
    return row[0].height if len(row) == 1 else median([item.height for item in row])


def _goes_on_in_cell(above: Row, row: Row, columns: Columns) -> bool:
    """Return whether a lone line goes on a cell that is not in the first column."""
    tight = _middle(row) - _middle(above) <= _TIGHT * row[0].size
    return tight and columns.column_of(row[0]) not in {None, 0}


def _middle(row: Row) -> float:
    return row[0].middle if len(row) == 1 else sum([item.middle for item in row]) / len(row)


def _table(table_rows: Sequence[Row], columns: Columns, rules: Sequence[Rule]) -> FoundTable | None:
    """Return the table that a run of rows is, if it is one."""
    count = len(columns.ranges)
    if len(table_rows) < (_LEAST_ROWS if count == _FEW_COLUMNS else 2):
        return None
    grid = [columns.cells(columns.divided(row)) for row in table_rows]
    single = sum(len(cells) == 1 for cells in grid)
    if single > _MANY_SINGLE * len(grid) or _is_prose(grid, count):
        return None
    if count == _FEW_COLUMNS and _are_beside(columns, grid):
        return None
    bands = _bands(table_rows, columns, rules)
    grid = _joined_in_bands(grid, bands) if bands else _joined(grid)
    if len(grid) < 2:  # noqa: PLR2004 - one row is no table
        return None
    cells = tuple(
        cell_of(cells[column], number, column, 1, 1 if len(cells) == count else columns.span(cells[column]))
        for number, cells in enumerate(grid)
        for column in sorted(cells)
    )
    return FoundTable(Table(len(grid), count, cells), frozenset(item.place for row in table_rows for item in row))


def _is_prose(grid: Sequence[Cells], columns: int) -> bool:
    """Return whether the cells are lines of running text side by side."""
    long = 0
    for column in range(columns):
        lengths = [sum(len(item.text) for item in cells[column]) for cells in grid if column in cells]
        is_long = bool(lengths) and median(lengths) >= _LONG_CELL
        if is_long and _goes_on(grid, column):
            return True
        long += is_long
    return long > 1


def _goes_on(grid: Sequence[Cells], column: int) -> bool:
    """Return whether sentences go on from row to row in a column, although there is something beside each line."""
    pairs = [(one, two) for one, two in itertools.pairwise(grid) if column in one and column in two and len(two) > 1]
    goes_on = sum(two[column][0].text[:1].islower() for _, two in pairs)
    return len(pairs) >= _LEAST_ROWS and goes_on >= _SENTENCES * len(pairs)


def _are_beside(columns: Columns, grid: Sequence[Cells]) -> bool:
    """Return whether two columns are texts that only stand side by side: addresses, signatures, a letterhead."""
    size = median(item.size for cells in grid for items in cells.values() for item in items)
    (_, left), (right, _) = columns.ranges
    if right - left > _FAR * size:
        return True
    seconds = [" ".join(item.text for item in cells[1]) for cells in grid if 1 in cells]
    told = sum(any(map(str.isdigit, text)) for text in seconds)
    return len(grid) < _MANY_ROWS and 2 * told < len(seconds)


def _bands(table_rows: Sequence[Row], columns: Columns, rules: Sequence[Rule]) -> list[int]:
    """Return for each row how many ruling lines are above it, if these divide the rows; otherwise nothing."""
    left, right = columns.ranges[0][0], columns.ranges[-1][1]
    across = [rule for rule in rules if min(rule.end, right) - max(rule.start, left) >= (right - left) / 2]
    above = [sum(rule.place < _middle(row) for rule in across) for row in table_rows]
    different = len(set(above))
    return above if different >= max(_LEAST_ROWS, _RULED * len(table_rows)) else []


def _joined_in_bands(grid: Sequence[Cells], bands: Sequence[int]) -> list[Cells]:
    found: dict[int, Cells] = {}
    for cells, band in zip(grid, bands, strict=True):
        for column, items in cells.items():
            found.setdefault(band, {}).setdefault(column, []).extend(items)
    return list(found.values())


def _joined(grid: list[Cells]) -> list[Cells]:
    """Join the rows that go on in the row above: those without a cell in the first column, near above."""
    if sum(0 in cells for cells in grid) < _FULL * len(grid):
        return grid
    found: list[Cells] = []
    last: Cells = {}
    for cells in grid:
        if found and _continues(last, cells):
            for column, items in cells.items():
                found[-1].setdefault(column, []).extend(items)
        else:
            found.append({column: list(items) for column, items in cells.items()})
        last = cells
    return found


def _continues(above: Cells, cells: Cells) -> bool:
    """Return whether a row goes on in the cells of the row above."""
    if 0 in cells or not set(cells) <= set(above):
        return False
    one = [item for items in above.values() for item in items]
    two = [item for items in cells.values() for item in items]
    near = _middle(two) - _middle(one) <= _TIGHT * max(item.size for item in two)
    return near and any(character.isalpha() for item in two for character in item.text)
