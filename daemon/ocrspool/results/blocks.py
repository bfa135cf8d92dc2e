"""The blocks of a page in the published result: paragraphs, headings, list items, tables. They refer to its lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ocrspool.results.known_fields import made

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table. A cell without text is not in the list."""

    row: int
    """The row, from 0. Of a cell that spans several rows: the first of them."""
    column: int
    """The column, from 0, in the order in which a row is read: where text runs from right to left, column 0 is the
    rightmost one. Of a cell that spans several columns: the first of them."""
    row_span: int
    """The number of rows that the cell spans. Usually 1."""
    column_span: int
    """The number of columns that the cell spans. Usually 1."""
    text: str
    """The text of the cell: its lines, joined as running text."""
    lines: tuple[int, ...]
    """The `order` of each line of the cell."""
    bounding_box: Box
    """The upright rectangle around the lines of the cell: left, top, right, bottom."""


@dataclass(frozen=True, slots=True)
class Table:
    """The rows and columns of a table."""

    rows: int
    """The number of rows."""
    columns: int
    """The number of columns."""
    cells: tuple[Cell, ...]
    """The cells, row by row, each row in the order in which it is read."""


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together. Each line of a page is in exactly one block."""

    kind: Literal["paragraph", "heading", "list-item", "caption", "footnote", "header", "footer", "table"]
    """What the block is. header and footer: what stands at the edge of the page, such as its number. Further kinds may
    be added: treat a kind that you do not know as a paragraph."""
    level: int | None
    """Of a heading: 1 to 6, where 1 is the highest level of the document. Of a list item: 1 for an item of the
    outermost list. null for other kinds."""
    lines: tuple[int, ...]
    """The `order` of each line of the block, in the order in which they are read."""
    bounding_box: Box
    """The upright rectangle around the lines of the block: left, top, right, bottom."""
    table: Table | None
    """The rows and columns of a table. null for other kinds."""


def block_from(found: Mapping[str, Any]) -> Block:
    """Return the block that a result file of ours holds. Raise KeyError or TypeError where it is none."""
    table = found["table"]
    cells = tuple(map(_cell_from, table["cells"])) if table else ()
    return made(
        Block,
        found,
        lines=tuple(found["lines"]),
        bounding_box=tuple(found["bounding_box"]),
        table=made(Table, table, cells=cells) if table else None,
    )


def _cell_from(found: Mapping[str, Any]) -> Cell:
    return made(Cell, found, lines=tuple(found["lines"]), bounding_box=tuple(found["bounding_box"]))
