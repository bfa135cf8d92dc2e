"""The blocks of a document, as they are published: found on the pages as decoded, in source pixels. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from ocrspool.blocks import values
from ocrspool.blocks.joining import compounds_in, joined
from ocrspool.blocks.page_blocks import blocks
from ocrspool.blocks.values import PageLines
from ocrspool.results.blocks import Block, Box, Cell, Table
from ocrspool.results.schema import Line, Page


def with_blocks(pages: Sequence[Page], found: Sequence[PageLines]) -> tuple[Page, ...]:
    """Return the published pages with their blocks; `found` are the lines of each, as they were decoded or read."""
    compounds = compounds_in(line.text for page in pages for line in page.lines)
    return tuple(
        replace(page, blocks=tuple(_block(block, page.lines, compounds) for block in of_page))
        for page, of_page in zip(pages, blocks(found), strict=True)
    )


def _block(block: values.Block, lines: Sequence[Line], compounds: Collection[str]) -> Block:
    table = _table(block.table, lines, compounds) if block.table else None
    return Block(block.kind, block.level, block.lines, _around(lines[place] for place in block.lines), table)


def _table(table: values.Table, lines: Sequence[Line], compounds: Collection[str]) -> Table:
    return Table(table.rows, table.columns, tuple(_cell(cell, lines, compounds) for cell in table.cells))


def _cell(cell: values.Cell, lines: Sequence[Line], compounds: Collection[str]) -> Cell:
    own = [lines[place] for place in cell.lines]
    text = joined(cell.texts, compounds)
    return Cell(cell.row, cell.column, cell.row_span, cell.column_span, text, cell.lines, _around(own))


def _around(lines: Iterable[Line]) -> Box:
    lefts, tops, rights, bottoms = zip(*(line.bounding_box for line in lines), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
