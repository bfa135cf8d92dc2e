"""The blocks of a document: the one function that others call, `blocks`. Pure.

Tables are found first. What is left of a page is cut into streams of lines, these into paragraphs, and each paragraph
gets its kind. What is usual in the document, its headers and its levels of headings are known of all pages together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ocrspool.blocks.aligned_tables import FoundTable, aligned_tables
from ocrspool.blocks.heading_levels import set_levels
from ocrspool.blocks.items import Item, Leveled, level, same_row
from ocrspool.blocks.kinds import Paragraph, item_levels, joined_headings, kind_of
from ocrspool.blocks.level_tables import level_tables
from ocrspool.blocks.page_margins import Margin, page_margins
from ocrspool.blocks.paragraphs import Style, paragraphs, streams, style_of
from ocrspool.blocks.ruled_tables import ruled_tables
from ocrspool.blocks.sizes import steady
from ocrspool.blocks.sums import with_sums
from ocrspool.blocks.values import Block, PageLines, Table


def blocks(pages: Sequence[PageLines]) -> list[tuple[Block, ...]]:
    """Return the blocks of each page of a document, in reading order. Each line is in one block."""
    leveled = steady([level(page) for page in pages])
    grids = [_grids(page) for page in leveled]
    rough = [streams(_left_over(page.items, tables)) for page, tables in zip(leveled, grids, strict=True)]
    style = style_of(stream for page in rough for stream in page)
    margins = page_margins(leveled, style)
    drafts = [_Draft(*each, style) for each in zip(leveled, grids, margins, strict=True)]
    set_levels([one for draft in drafts for one in draft.paragraphs if one.kind == "heading"], style)
    return [draft.blocks() for draft in drafts]


def _grids(page: Leveled) -> list[FoundTable]:
    """Return the tables with ruling lines between their rows."""
    ruled = ruled_tables(page)
    return [*ruled, *level_tables(_left_over(page.items, ruled), page.rules.level)]


def _left_over(items: Iterable[Item], tables: Sequence[FoundTable], margins: Iterable[int] = ()) -> list[Item]:
    taken = {place for table in tables for place in table.places} | set(margins)
    return [item for item in items if item.place not in taken]


class _Draft:
    """One page on its way to blocks."""

    def __init__(self, page: Leveled, grids: list[FoundTable], margins: dict[int, Margin], style: Style) -> None:
        in_grids = {place for table in grids for place in table.places}
        self._margins = {place: margin for place, margin in margins.items() if place not in in_grids}
        free = _left_over(page.items, grids, self._margins)
        self._tables = with_sums([*grids, *aligned_tables(free, page.rules.level)], page.items)
        self.paragraphs: list[Paragraph] = []
        for run in _runs(_left_over(page.items, self._tables, self._margins), self._tables):
            for stream in streams(run):
                beside = len(stream) == 1 and _has_neighbor(page.items, stream[0])
                self.paragraphs += _of_stream(stream, style, page.height, beside=beside)
        item_levels(self.paragraphs)

    def blocks(self) -> tuple[Block, ...]:
        """Return the blocks, each at the place of its first line."""
        found = [Block(one.kind, _places(one.items), one.level) for one in self.paragraphs]
        found += [Block("table", _lines(table.table, table.places), table=table.table) for table in self._tables]
        found += self._of_margins()
        return tuple(sorted(found, key=lambda block: min(block.lines)))

    def _of_margins(self) -> list[Block]:
        """Return the header and the footer; lines of one that follow each other are one block."""
        found: list[Block] = []
        for place, margin in sorted(self._margins.items()):
            if found and found[-1].kind == margin and found[-1].lines[-1] == place - 1:
                found[-1] = Block(margin, (*found[-1].lines, place))
            else:
                found.append(Block(margin, (place,)))
        return found


def _places(items: Iterable[Item]) -> tuple[int, ...]:
    return tuple(item.place for item in items)


def _lines(table: Table, places: Iterable[int]) -> tuple[int, ...]:
    """Return the lines of a table cell by cell, and then those that are in no cell: bullets."""
    in_cells = dict.fromkeys(line for cell in table.cells for line in cell.lines)
    return (*in_cells, *sorted(set(places) - set(in_cells)))


def _runs(items: Sequence[Item], tables: Sequence[FoundTable]) -> list[list[Item]]:
    """Cut the lines of a page where a table stands between them."""
    starts = sorted(min(table.places) for table in tables)
    found: dict[int, list[Item]] = {}
    for item in items:
        found.setdefault(sum(start < item.place for start in starts), []).append(item)
    return list(found.values())


def _has_neighbor(items: Sequence[Item], item: Item) -> bool:
    """Return whether the line before or after this one in the reading order stands beside it."""
    return any(same_row(item, items[near]) for near in (item.place - 1, item.place + 1) if 0 <= near < len(items))


def _of_stream(stream: Sequence[Item], style: Style, page_height: float, *, beside: bool) -> list[Paragraph]:
    """Return the paragraphs of a stream, with the distances between them, and what each of them is."""
    groups = paragraphs(stream, style)
    column = min(item.left for item in stream), max(item.right for item in stream)
    found = []
    for number, group in enumerate(groups):
        above = group[0].middle - groups[number - 1][-1].middle if number else None
        below = groups[number + 1][0].middle - group[-1].middle if number + 1 < len(groups) else None
        size = group[0].size
        after = groups[number + 1][0].text if number + 1 < len(groups) else ""
        found.append(Paragraph(group, column, above and above / size, below and below / size, beside, after))
    for paragraph in found:
        paragraph.kind = kind_of(paragraph, style, page_height)
    return joined_headings(found, style)
