"""Lines as an engine would find them, put where a test wants them; and what blocks were found in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ocrspool.blocks.page_blocks import blocks
from ocrspool.blocks.values import Block, PageLines, Table
from ocrspool.pages import Polygon, Segment, TextLine, Word

WIDTH, HEIGHT = 1240, 1754
PROSE = (
    "The committee compared the older registers with the plans of the bridge",
    "before the winter began, and the harbor office repaired two engines for",
    "the museum. Several hundred maps were measured without additional money",
    "by a group of volunteers from the county archive and the printing house.",
)
"""Four lines of running text, as long as a column of 72 characters."""


def at(  # noqa: PLR0913 - a line has that many properties
    x: float, y: float, text: str, size: float = 24, *, bold: bool = False, words: bool = False
) -> TextLine:
    """Return a line that begins at x and has its middle at y; characters are half as wide as the font is high."""
    width, height = len(text) * size / 2, size * 1.2
    stroke = 0.36 if bold else 0.26
    found = tuple(_words(x, y, text, size)) if words else ()
    small = any(map(str.islower, text))
    return TextLine(
        text,
        0.95,
        box(x, y - height / 2, x + width, y + height / 2),
        0.9,
        words=found,
        letter_height=size * (0.5 if small else 0.7),
        stroke=stroke if small else stroke * 0.5 / 0.7,
    )


def _words(x: float, y: float, text: str, size: float) -> Iterable[Word]:
    end = 0
    for word in text.split():
        start = text.index(word, end)
        end = start + len(word)
        yield Word(word, 0.95, box(x + start * size / 2, y - size / 2, x + end * size / 2, y + size / 2))


def box(left: float, top: float, right: float, bottom: float) -> Polygon:
    """Return the polygon of level text."""
    return (left, top), (right, top), (right, bottom), (left, bottom)


def prose(x: float, y: float, lines: int = 4, size: float = 24) -> list[TextLine]:
    """Return lines of running text, the first of them at y."""
    return [at(x, y + number * size * 1.25, PROSE[number % len(PROSE)], size) for number in range(lines)]


def grid(xs: Sequence[float], ys: Sequence[float]) -> list[Segment]:
    """Return the ruling lines of a grid."""
    return [
        *(((xs[0], y), (xs[-1], y)) for y in ys),
        *(((x, ys[0]), (x, ys[-1])) for x in xs),
    ]


def page(lines: Sequence[TextLine], rules: Sequence[Segment] = (), rotation: int = 0) -> PageLines:
    """Return a page of 1240 by 1754 pixels."""
    return PageLines(lines, WIDTH, HEIGHT, rotation, rules)


def found(lines: Sequence[TextLine], rules: Sequence[Segment] = ()) -> list[tuple[str, str]]:
    """Return the kind and the text of each block of a page."""
    return told(page(lines, rules))


def told(*pages: PageLines, number: int = 1) -> list[tuple[str, str]]:
    """Return the kind and the text of each block of one page of a document."""
    return [(block.kind, said(block, pages[number - 1])) for block in blocks(pages)[number - 1]]


def said(block: Block, of: PageLines) -> str:
    """Return the text of a block."""
    return " ".join(of.lines[place].text for place in block.lines)


def cells(table: Table) -> list[list[str]]:
    """Return the texts of a table, row by row; a cell that spans others leaves these empty."""
    rows = [[""] * table.columns for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row][cell.column] = " ".join(cell.texts)
    return rows


def only_table(lines: Sequence[TextLine], rules: Sequence[Segment] = ()) -> Table:
    """Return the one table of a page."""
    (table,) = (block.table for block in blocks([page(lines, rules)])[0] if block.table)
    return table
