"""The blocks of a document: found on its pages as decoded and read, and then as they are published. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from ocrspool.blocks import values
from ocrspool.blocks.joining import compounds_in, joined
from ocrspool.pages import Notice, Point, TextLine
from ocrspool.results.blocks import Block, Box, Cell, Table
from ocrspool.results.schema import Line, Page

_LEAST_RULES = 4
"""Upright rules of a page with a table whose cells are ruled: both sides, and two between columns."""
_LEAST_LINES = 20


class Order:
    """The order in which the blocks of a page are read, where it is not that of its lines: cells of several lines.

    The order of the lines stays where blocks are no better: on a page without such cells between ruling lines, and on
    one with columns of vertical text.
    """

    def __init__(self, page: values.PageLines, found: Sequence[values.Block]) -> None:
        self._places = [place for block in found for place in block.lines]
        if not (_has_a_grid(page) and _has_cells_of_several_lines(found)):
            self._places.sort()
        self._numbers = {place: number for number, place in enumerate(self._places)}
        self._stays = self._places == list(range(len(page.lines)))
        """Whether the order is that of the lines."""

    def lines(self, lines: Sequence[TextLine]) -> tuple[TextLine, ...]:
        """Return the lines of the page in this order."""
        if self._stays:
            return tuple(lines)
        return tuple(lines[place] for place in self._places)

    def warnings(self, warnings: Iterable[Notice]) -> tuple[Notice, ...]:
        """Return warnings that refer to lines by their new numbers."""
        return tuple(replace(each, lines=tuple(sorted(self._renumbered(each.lines)))) for each in warnings)

    def blocks(self, found: Iterable[values.Block]) -> tuple[values.Block, ...]:
        """Return blocks that refer to lines by their new numbers."""
        if self._stays:
            return tuple(found)
        return tuple(
            replace(block, lines=self._renumbered(block.lines), table=block.table and self._table(block.table))
            for block in found
        )

    def _table(self, table: values.Table) -> values.Table:
        cells = tuple(replace(cell, lines=self._renumbered(cell.lines)) for cell in table.cells)
        return replace(table, cells=cells)

    def _renumbered(self, places: Iterable[int]) -> tuple[int, ...]:
        return tuple(self._numbers.get(place, place) for place in places)


def _has_a_grid(page: values.PageLines) -> bool:
    """Tell whether a page has a table whose cells are ruled, and not a few strokes of a photograph or of a receipt."""
    upright = sum(_is_vertical(page, rule) for rule in page.rules)
    vertical_text = any(_is_vertical(page, line.polygon) for line in page.lines)
    return upright >= _LEAST_RULES and len(page.lines) >= _LEAST_LINES and not vertical_text


def _has_cells_of_several_lines(found: Iterable[values.Block]) -> bool:
    return any(len(cell.lines) > 1 for block in found if block.table for cell in block.table.cells)


def _is_vertical(page: values.PageLines, points: Sequence[Point]) -> bool:
    """Tell whether a stroke, or the text of a polygon, runs down the page, as the page is to be read."""
    (left, top), (right, bottom) = points[0], points[1]
    across, down = abs(right - left), abs(bottom - top)
    return across > down if page.rotation in {90, 270} else down > across


def with_blocks(pages: Sequence[Page], found: Sequence[Sequence[values.Block]]) -> tuple[Page, ...]:
    """Return the published pages with their blocks."""
    compounds = compounds_in(line.text for page in pages for line in page.lines)
    return tuple(
        replace(page, blocks=tuple(_block(block, page.lines, compounds) for block in of_page))
        for page, of_page in zip(pages, found, strict=True)
    )


def _block(block: values.Block, lines: Sequence[Line], compounds: Collection[str]) -> Block:
    table = _table(block.table, lines, compounds) if block.table else None
    return Block(block.kind, block.level, block.lines, _around(lines[place] for place in block.lines), table)


def _table(table: values.Table, lines: Sequence[Line], compounds: Collection[str]) -> Table:
    return Table(table.rows, table.columns, tuple(_cell(cell, lines, compounds) for cell in table.cells))


def _cell(cell: values.Cell, lines: Sequence[Line], compounds: Collection[str]) -> Cell:
    around = _around(lines[place] for place in cell.lines)
    text = joined(cell.texts, compounds)
    return Cell(cell.row, cell.column, cell.row_span, cell.column_span, text, cell.lines, around)


def _around(lines: Iterable[Line]) -> Box:
    lefts, tops, rights, bottoms = zip(*[line.bounding_box for line in lines], strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
