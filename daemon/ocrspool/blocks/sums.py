"""The sums of a table: a few rows that stand below its last columns, with labels and numbers of their own. Pure.

Invoices and receipts set them apart by space, or by a frame of their own. They are rows of the table above.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from ocrspool.blocks.aligned_tables import FoundTable
from ocrspool.blocks.items import Item

_MOST_ROWS = 6
_FARTHEST = 6.0  # of a font's size, from text to text: the frame of a table may reach below its last row
_NUMBERS = 0.75  # share of the cells of the last column that hold digits, at least

Range = tuple[float, float]


def with_sums(tables: Sequence[FoundTable], items: Sequence[Item]) -> list[FoundTable]:
    """Return the tables of a page, with sums joined to the table above them. `items` are all lines of the page."""
    by_place = {item.place: item for item in items}
    found: list[FoundTable] = []
    for table in sorted(tables, key=lambda each: min(each.places)):
        columns = _columns_for(found[-1], table, by_place) if found else None
        if columns:
            found[-1] = _joined(found[-1], table, columns)
        else:
            found.append(table)
    return found


def _columns_for(above: FoundTable, sums: FoundTable, items: Mapping[int, Item]) -> list[int] | None:
    """Return the column of the table above for each column of the sums; None where these are no sums of it."""
    if not (1 < sums.table.columns < above.table.columns and sums.table.rows <= _MOST_ROWS):
        return None
    if min(sums.places) != max(above.places) + 1 or not _is_near(above, sums, items) or not _tells_numbers(sums):
        return None
    places = [_column_at(each, _ranges(above, items)) for each in _ranges(sums, items)]
    if places[0] is None and places[1]:  # a label may stand to the left of a column, in the room of none
        places[0] = places[1] - 1
    known = [place for place in places if place is not None]
    in_order = all(one < two for one, two in itertools.pairwise(known))
    return known if len(known) == len(places) and in_order else None


def _is_near(above: FoundTable, sums: FoundTable, items: Mapping[int, Item]) -> bool:
    own = [items[place] for place in sums.places]
    distance = min(item.top for item in own) - max(items[place].bottom for place in above.places)
    return -min(item.height for item in own) <= distance <= _FARTHEST * median(item.size for item in own)


def _tells_numbers(sums: FoundTable) -> bool:
    last = [cell for cell in sums.table.cells if cell.column > 0]
    told = sum(any(map(str.isdigit, "".join(cell.texts))) for cell in last)
    return bool(last) and told >= _NUMBERS * len(last)


def _ranges(found: FoundTable, items: Mapping[int, Item]) -> list[Range | None]:
    """Return from where to where the text of each column reaches; None of a column with spanning or shared cells."""
    ranges: list[Range | None] = [None] * found.table.columns
    single = [cell for cell in found.table.cells if cell.column_span == 1]
    shared = {place for one, two in itertools.pairwise(single) for place in set(one.lines) & set(two.lines)}
    for cell in single:
        for place in set(cell.lines) - shared:
            left, right = ranges[cell.column] or (items[place].left, items[place].right)
            ranges[cell.column] = min(left, items[place].left), max(right, items[place].right)
    return ranges


def _column_at(own: Range | None, ranges: Sequence[Range | None]) -> int | None:
    """Return the only one of these columns that stands above; None where there are several, or none."""
    if own is None:
        return None
    touched = [at for at, each in enumerate(ranges) if each and own[0] < each[1] and own[1] > each[0]]
    return touched[0] if len(touched) == 1 else None


def _joined(above: FoundTable, sums: FoundTable, columns: Sequence[int]) -> FoundTable:
    first = above.table.rows
    cells = tuple(
        replace(
            cell,
            row=first + cell.row,
            column=columns[cell.column],
            column_span=columns[cell.column + cell.column_span - 1] - columns[cell.column] + 1,
        )
        for cell in sums.table.cells
    )
    table = replace(above.table, rows=first + sums.table.rows, cells=(*above.table.cells, *cells))
    return FoundTable(table, above.places | sums.places)
