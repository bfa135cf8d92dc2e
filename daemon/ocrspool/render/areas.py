"""The areas of a page with their lines, for formats that have blocks: hOCR, ALTO, TSV and the tags of a PDF.

Each block of the result is an area, in reading order. A table has a paragraph for each cell, any other block has one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ocrspool.render.word_gaps import part_of
from ocrspool.results.blocks import Block, Box, Cell
from ocrspool.results.schema import Line, Page, Word


class AreaLine(NamedTuple):
    """A line of an area, or the part of a line that is in one cell of a table."""

    line: Line
    name: str
    """It is unique on the page: "12", or "12.2" for the second part of line 12. Lines count from 1."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines of an area that belong together."""

    lines: tuple[AreaLine, ...]
    cell: Cell | None = None
    """The cell of a table that these lines are in."""

    @property
    def box(self) -> Box:
        """The upright rectangle around the lines."""
        lefts, tops, rights, bottoms = zip(*(each.line.bounding_box for each in self.lines), strict=True)
        return min(lefts), min(tops), max(rights), max(bottoms)


@dataclass(frozen=True, slots=True)
class Area:
    """A block of a page with its lines."""

    block: Block
    paragraphs: tuple[Paragraph, ...]


def areas_of(page: Page) -> Iterator[Area]:
    """Yield the areas of a page in reading order. Lines that are in no block are one paragraph at the end."""
    for block in page.blocks:
        paragraphs = _cells(block, page.lines) if block.table else [_paragraph(block.lines, page.lines)]
        yield Area(block, tuple(paragraphs))
    placed = {order for block in page.blocks for order in block.lines}
    if left := tuple(line.order for line in page.lines if line.order not in placed):
        paragraph = _paragraph(left, page.lines)
        yield Area(Block("paragraph", None, left, paragraph.box, None), (paragraph,))


def _paragraph(orders: Iterable[int], lines: Sequence[Line]) -> Paragraph:
    return Paragraph(tuple(AreaLine(lines[order], str(order + 1)) for order in orders))


def _cells(block: Block, lines: Sequence[Line]) -> Iterator[Paragraph]:
    """Yield the cells of a table, and then the lines that are in none: bullets."""
    cells = block.table.cells if block.table else ()
    parts = {order: _parts(lines[order], [cell for cell in cells if order in cell.lines]) for order in block.lines}
    for cell in cells:
        if own := tuple(part for order in cell.lines for of, part in parts.get(order, ()) if of is cell):
            yield Paragraph(own, cell)
    placed = {order for cell in cells for order in cell.lines}
    if left := tuple(order for order in block.lines if order not in placed):
        yield _paragraph(left, lines)


def _parts(line: Line, cells: Sequence[Cell]) -> list[tuple[Cell, AreaLine]]:
    """Return the part of a line that is in each of these cells. A line without words is in the first of them."""
    name = str(line.order + 1)
    if len(cells) < 2 or not line.words:  # noqa: PLR2004 - nothing to divide
        return [(cell, AreaLine(line, name)) for cell in cells[:1]]
    found = [(cell, words) for cell, words in zip(cells, _divided(line.words, cells), strict=True) if words]
    return [
        (cell, AreaLine(part_of(line, words), f"{name}.{number}" if number > 1 else name))
        for number, (cell, words) in enumerate(found, 1)
    ]


def _divided(words: Iterable[Word], cells: Sequence[Cell]) -> list[tuple[Word, ...]]:
    """Return the words of a line by the cells in which they are: each cell has the next ones of its text."""
    found: list[list[Word]] = [[] for _ in cells]
    at, places = 0, [0] * len(cells)
    for word in words:
        at = next((cell for cell in range(at, len(cells)) if word.text in cells[cell].text[places[cell] :]), at)
        start = cells[at].text.find(word.text, places[at])
        places[at] = max(start, places[at]) + len(word.text)
        found[at].append(word)
    return list(map(tuple, found))
