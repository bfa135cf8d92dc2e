"""The cells of a table as rows of texts, for outputs that know no spans."""

from __future__ import annotations

from ocrspool.results.blocks import Table


def table_rows(table: Table) -> list[list[str]]:
    """Return the text of each cell; the text of a cell that spans several is in the first of them."""
    rows = [[""] * table.columns for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row][cell.column] = cell.text
    return rows
