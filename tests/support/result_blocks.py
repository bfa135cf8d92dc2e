"""A published document with blocks of every kind: a heading, a divided word, a table with a line over two cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ocrspool.results.blocks import Block, Box, Cell, Table
from ocrspool.results.schema import Document, Line, Word
from support.sample_documents import box, document, line, page

LETTER = 10
"""Pixels that a character is wide; lines are 20 pixels high."""
TEXTS = (
    ("Annual report", 100, 20),
    ("Some Heading", 100, 100),
    ("The text is divided be-", 100, 150),
    ("tween two lines.", 100, 180),
    ("Table 1: what was sold", 100, 240),
    ("apples 12", 100, 300),
    ("pears", 100, 330),
    ("7", 200, 330),
    ("•", 80, 330),
    ("17", 400, 700),
)
"""Text, left and top of each line. The line "apples 12" is in two cells."""


def measured(text: str, left: float, top: float) -> Line:
    """A line with its words, each where it stands if all characters are equally wide."""
    made = line(text, box(left, top, left + LETTER * len(text), top + 20))
    return replace(made, words=tuple(_words(text, left, top)))


def _words(text: str, left: float, top: float) -> Iterator[Word]:
    end = 0
    for word in text.split():
        start = text.index(word, end)
        end = start + len(word)
        yield Word(word, 0.9, box(left + LETTER * start, top, left + LETTER * end, top + 20))


def with_blocks(*, words: bool = True) -> Document:
    """One page. Without `words`, its lines are not measured."""
    lines = [measured(*each) for each in TEXTS]
    made = page(*(each if words else replace(each, words=()) for each in lines))
    cells = (
        Cell(0, 0, 1, 1, "apples", (5,), _around(made.lines, 5)),
        Cell(0, 1, 1, 1, "12", (5,), _around(made.lines, 5)),
        Cell(1, 0, 1, 1, "pears", (6,), _around(made.lines, 6)),
        Cell(1, 1, 1, 1, "7", (7,), _around(made.lines, 7)),
    )
    blocks = (
        _block("header", made.lines, 0),
        replace(_block("heading", made.lines, 1), level=2),
        _block("paragraph", made.lines, 2, 3),
        _block("caption", made.lines, 4),
        replace(_block("table", made.lines, 5, 6, 7, 8), table=Table(2, 2, cells)),
        _block("footer", made.lines, 9),
    )
    return document(replace(made, blocks=blocks))


def _block(kind: str, lines: tuple[Line, ...], *orders: int) -> Block:
    return Block(kind, None, orders, _around(lines, *orders), None)  # type: ignore[arg-type]


def _around(lines: tuple[Line, ...], *orders: int) -> Box:
    lefts, tops, rights, bottoms = zip(*(lines[order].bounding_box for order in orders), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
