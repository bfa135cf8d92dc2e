"""Tables without a grid: rows of short cells whose columns leave the same gaps open. Pure.

The reading order keeps such rows together, because it reads columns of prose one after the other and all else row by
row. So a table is a run of rows, most of them with several cells, through which at least one gap runs from top to bottom.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ocrspool.blocks import markers
from ocrspool.blocks.items import Item, rows
from ocrspool.blocks.values import Cell, Table

_LEAST_GAP = 0.8  # of a font's size, between columns
_FARTHEST = 3.4  # distance of the rows of a table, in sizes of the font
_LEAST_ROWS = 3  # of a table with two columns; of one with more, two
_FEW_COLUMNS = 2
_LONG_CELL = 45  # characters; two columns of longer cells are prose
_TIGHT = 1.5  # distance of lines within a cell, in sizes of the font
_FULL = 0.6  # share of the rows that a column has cells in, for a row without one to go on the row above
_MANY_SINGLE = 0.5  # share of rows with one cell only, from which on it is no table

Row = list[Item]
Gap = tuple[float, float]


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table, and the lines that it holds."""

    table: Table
    places: frozenset[int]


def aligned_tables(items: Sequence[Item]) -> list[FoundTable]:
    """Return the tables among the lines of a page in reading order."""
    found = []
    page_rows = [_without_markers(row) for row in rows([item for item in items if not item.runs_down])]
    start = 0
    while start < len(page_rows):
        end, gaps = _run(page_rows, start)
        table = _table(page_rows[start:end], gaps) if end - start > 1 else None
        if table is None:
            start += 1
            continue
        found.append(table)
        start = end
    return found


def _without_markers(row: Row) -> Row:
    """Return a row whose first line, if it is a bullet alone, does not count as a cell."""
    return row[1:] if len(row) > 1 and markers.is_lone_marker(row[0].text) else row


def _run(page_rows: Sequence[Row], start: int) -> tuple[int, list[Gap]]:
    """Return the end of the run of rows that begins here, and the gaps that run through it."""
    if len(page_rows[start]) < _FEW_COLUMNS:
        return start, []
    gaps = _gaps(page_rows[start])
    end, reached = start + 1, start + 1
    while end < len(page_rows):
        above, row = page_rows[end - 1], page_rows[end]
        size = max(item.size for item in row)
        distance = _middle(row) - _middle(above)
        if not 0 < distance <= _FARTHEST * size or not _alike(above, row):
            break
        kept = _kept(gaps, row)
        if not kept:
            break
        if len(row) > 1 and len(kept) < len(gaps) and len(kept) < len(row) - 1 and reached - start >= _LEAST_ROWS:
            break  # other columns begin
        gaps = kept
        end += 1
        if len(row) > 1:
            reached = end
    return reached, gaps


def _gaps(row: Row) -> list[Gap]:
    """Return the gaps between the cells of a row that are wide enough."""
    pairs = itertools.pairwise(row)
    return [(one.right, two.left) for one, two in pairs if two.left - one.right >= _LEAST_GAP * min(one.size, two.size)]


def _kept(gaps: Sequence[Gap], row: Row) -> list[Gap]:
    """Return what is left open of these gaps by a row."""
    least = _LEAST_GAP * min(item.size for item in row)
    edges = [-math.inf, *(edge for item in row for edge in (item.left, item.right)), math.inf]
    free = list(zip(edges[::2], edges[1::2], strict=True))
    parts = [(max(a, c), min(b, d)) for a, b in gaps for c, d in free]
    return [(start, end) for start, end in parts if end - start >= least]


def _alike(above: Row, below: Row) -> bool:
    one, two = median(item.size for item in above), median(item.size for item in below)
    return max(one, two) < 1.5 * min(one, two)  # noqa: PLR2004 - a heading is larger than what is below it


def _middle(row: Row) -> float:
    return sum(item.middle for item in row) / len(row)


def _table(table_rows: Sequence[Row], gaps: Sequence[Gap]) -> FoundTable | None:
    """Return the table that a run of rows is, if it is one."""
    edges = [(start + end) / 2 for start, end in gaps]
    grid = [_cells(row, edges) for row in table_rows]
    columns = len(edges) + 1
    if len(grid) < (_LEAST_ROWS if columns == _FEW_COLUMNS else 2):
        return None
    single = sum(len(cells) == 1 for cells in grid)
    if single > _MANY_SINGLE * len(grid) or _is_prose(grid, columns):
        return None
    grid = _joined(grid, columns)
    cells = tuple(
        Cell(number, column, tuple(item.place for item in cells[column]))
        for number, cells in enumerate(grid)
        for column in sorted(cells)
    )
    if len(grid) < 2:  # noqa: PLR2004 - one row is no table
        return None
    places = frozenset(item.place for row in table_rows for item in row)
    return FoundTable(Table(len(grid), columns, cells), places)


def _cells(row: Row, edges: Sequence[float]) -> dict[int, list[Item]]:
    cells: dict[int, list[Item]] = {}
    for item in row:
        cells.setdefault(sum(edge <= item.center for edge in edges), []).append(item)
    return cells


def _is_prose(grid: Sequence[dict[int, list[Item]]], columns: int) -> bool:
    """Return whether the cells are lines of running text side by side."""
    long = 0
    for column in range(columns):
        lengths = [sum(len(item.text) for item in cells[column]) for cells in grid if column in cells]
        long += bool(lengths) and median(lengths) >= _LONG_CELL
    return long > 1


def _joined(grid: list[dict[int, list[Item]]], columns: int) -> list[dict[int, list[Item]]]:
    """Join the rows that go on in a row above: those with few cells, none of them in the first column, near above."""
    first = sum(0 in cells for cells in grid)
    if columns < _FEW_COLUMNS or first < _FULL * len(grid):
        return grid
    found: list[dict[int, list[Item]]] = []
    last: dict[int, list[Item]] = {}
    for cells in grid:
        if found and _continues(last, cells):
            for column, items in cells.items():
                found[-1].setdefault(column, []).extend(items)
        else:
            found.append({column: list(items) for column, items in cells.items()})
        last = cells
    return found


def _continues(above: dict[int, list[Item]], cells: dict[int, list[Item]]) -> bool:
    """Return whether a row goes on in the cells of the row above."""
    if 0 in cells or not set(cells) <= set(above):
        return False
    one = [item for items in above.values() for item in items]
    two = [item for items in cells.values() for item in items]
    near = _middle(two) - _middle(one) <= _TIGHT * max(item.size for item in two)
    return near and any(character.isalpha() for item in two for character in item.text)
