"""(no benchmark.) What a page is made of, and what it is in Markdown: the truth."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Heading:
    """A heading; `size` is a multiple of the text's."""

    text: str
    level: int
    size: float = 1.5
    bold: bool = True
    centered: bool = False


@dataclass(frozen=True)
class Text:
    """A paragraph, or with `small` a footnote."""

    text: str
    small: bool = False
    goes_on: bool = False
    """Whether it began in another column."""


@dataclass(frozen=True)
class Caption:
    """A caption below a frame that stands for a picture, or without one above a table."""

    text: str
    picture: bool = True


@dataclass(frozen=True)
class Items:
    """A list; each item is a text, or a list within the list."""

    items: Sequence[str | Items]
    marker: str = "•"
    """A bullet, or "1." or "(a)" for numbers and letters."""


@dataclass(frozen=True)
class Span:
    """A cell that goes over several rows or columns."""

    text: str
    rows: int = 1
    columns: int = 1


@dataclass(frozen=True)
class Grid:
    """A table."""

    rows: Sequence[Sequence[str | Span]]
    widths: Sequence[float]
    """Shares of the width."""
    rules: Literal["all", "level", "book", "none", "upright"] = "all"
    right: frozenset[int] = frozenset()
    """Columns that are aligned to the right."""
    bold_head: bool = True


@dataclass(frozen=True)
class Side:
    """A box with a frame beside the text that follows: `box` at the right, `text` at the left."""

    box: Sequence[Element]
    text: Sequence[Element]


Element = Heading | Text | Caption | Items | Grid | Side


@dataclass(frozen=True)
class Sheet:
    """One page: how it is set, and what is on it."""

    name: str
    elements: Sequence[Element]
    font: Literal["serif", "sans", "dejavu"] = "serif"
    points: float = 11
    columns: int = 1
    full: int = 0
    """How many elements at the top go over all columns."""
    dpi: int = 150
    justified: bool = False
    indented: bool = False
    """Paragraphs begin with an indent, and have no space between them."""
    skew: float = 0
    """Degrees."""
    header: str = ""
    footer: str = ""
    footnotes: Sequence[str] = field(default=())


def markdown(sheet: Sheet) -> str:
    """Return the page in Markdown. Its header and footer are not in it."""
    notes = [Text(note, small=True) for note in sheet.footnotes]
    return "\n\n".join(_block(element) for element in [*sheet.elements, *notes]) + "\n"


def _block(element: Element) -> str:
    if isinstance(element, Heading):
        return f"{'#' * element.level} {element.text}"
    if isinstance(element, Items):
        return _list(element, 0)
    if isinstance(element, Grid):
        return _html(element)
    if isinstance(element, Side):
        return "\n\n".join(_block(inner) for inner in [*element.text, *element.box])
    return element.text


def _list(items: Items, depth: int) -> str:
    lines = []
    number = 0
    for item in items.items:
        if isinstance(item, Items):
            lines.append(_list(item, depth + 1))
            continue
        number += 1
        mark = "-" if len(items.marker) == 1 else marked(items.marker, number)
        lines.append(f"{'  ' * depth}{mark} {item}")
    return "\n".join(lines)


def marked(marker: str, number: int) -> str:
    """Return the marker of an item of a list: bullets as they are, numbers and letters as they go on."""
    return marker.replace("1", str(number)).replace("a", chr(ord("a") + number - 1)) if len(marker) > 1 else marker


def _html(grid: Grid) -> str:
    rows = []
    for row in grid.rows:
        cells = []
        for cell in row:
            span = cell if isinstance(cell, Span) else Span(cell)
            spans = f' rowspan="{span.rows}"' * (span.rows > 1) + f' colspan="{span.columns}"' * (span.columns > 1)
            cells.append(f"<td{spans}>{html.escape(span.text)}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{''.join(rows)}</table>"
