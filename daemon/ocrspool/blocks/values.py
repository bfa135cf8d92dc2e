"""What goes in and what comes out: the lines of a page, and its blocks, which refer to lines by number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ocrspool.pages import Segment, TextLine

Kind = Literal["paragraph", "heading", "list-item", "caption", "footnote", "header", "footer", "table"]


@dataclass(frozen=True, slots=True)
class PageLines:
    """One page of which the blocks are wanted."""

    lines: Sequence[TextLine]
    """In reading order."""
    width: float
    height: float
    """Of the page on which the polygons lie, before `rotation`."""
    rotation: int = 0
    """Degrees clockwise by which the page must be turned to be read."""
    rules: Sequence[Segment] = ()
    """Ruling lines, on the same page."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table that holds text."""

    row: int
    column: int
    """From 0."""
    lines: tuple[int, ...]
    texts: tuple[str, ...]
    """What of each of these lines is in the cell: a line may hold several cells."""
    row_span: int = 1
    column_span: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """Rows and columns. Cells without text are left out."""

    rows: int
    columns: int
    cells: tuple[Cell, ...]
    """Row by row, in the order in which they are read. Column 0 is the right one on a page that runs from the right."""


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together."""

    kind: Kind
    lines: tuple[int, ...]
    """Places in the reading order of the page, in the order in which the block is read."""
    level: int | None = None
    """Of a heading: 1 to 6. Of a list item: 1 for the outermost list. None of other kinds."""
    table: Table | None = None
