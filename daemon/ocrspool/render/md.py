"""Markdown: headings, paragraphs, lists and tables, with a rule between pages.

It is CommonMark with the tables of GitHub. A table with cells that span several rows or columns is written in HTML,
which both allow. Headers and footers of pages are left out, because they interrupt the text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from ocrspool.blocks import markers
from ocrspool.blocks.characters import SENTENCE_ENDS
from ocrspool.blocks.joining import compounds_in, joined
from ocrspool.layout.text_direction import page_runs_from_the_right
from ocrspool.render.table_rows import table_rows
from ocrspool.results.blocks import Block, Table
from ocrspool.results.schema import Document, Page

_RULE = "\n\n---\n\n"
_INDENT = "    "  # as far as the text of an item "99. " begins
_LEFT_OUT = {"header", "footer"}
_SPECIAL = re.compile(r"[\\`*]|(?<!\w)_|_(?!\w)|<(?=[A-Za-z/!?])|&(?=#?\w+;)|\[(?=[^\]]*\]\()|~(?=~)")
_AT_START = re.compile(r"(?=#{1,6}(?:\s|$)|>|[-+=](?:\s|$)|(?:---+|===+)\s*$|\|)|(?<=\d)(?=[.)](?:\s|$))")
_NUMBER = re.compile(r"\d{1,9}(?=[.)](?:\s|$))")


def render(document: Document) -> bytes:
    """Return the document as Markdown in UTF-8."""
    compounds = compounds_in(line.text for page in document.pages for line in page.lines)
    pages = ["\n\n".join(_page(page, compounds)) for page in document.pages]
    return f"{_RULE.join(pages)}\n".encode()


def _page(page: Page, compounds: Collection[str]) -> Iterator[str]:
    """Yield the blocks of a page; items of one list are one of them."""
    if page.error:
        yield f"<!-- Page {page.number} could not be read. -->"
    items: list[str] = []
    for block, text in _whole(page, compounds):
        if block.kind == "list-item":
            items.append(_INDENT * ((block.level or 1) - 1) + _item(text))
            continue
        if items:
            yield "\n".join(items)
            items = []
        yield _block(block, text)
    if items:
        yield "\n".join(items)


def _whole(page: Page, compounds: Collection[str]) -> list[tuple[Block, str]]:
    """Return the blocks that are shown with their texts; a paragraph that goes on in the next column is one."""
    found: list[tuple[Block, list[str]]] = []
    for block in page.blocks:
        if block.kind in _LEFT_OUT:
            continue
        lines = [page.lines[order].text for order in block.lines]
        if block.kind == "paragraph" and found and _goes_on(*found[-1], lines):
            found[-1][1].extend(lines)
        else:
            found.append((block, lines))
    return [(block, joined(lines, compounds)) for block, lines in found]


def _goes_on(before: Block, said: Sequence[str], lines: Sequence[str]) -> bool:
    """Return whether a paragraph goes on with these lines: its sentence has no end, and they begin with none."""
    return (
        before.kind in {"paragraph", "list-item"}
        and len(said) > 1
        and not said[-1].rstrip().endswith(SENTENCE_ENDS)
        and lines[0][:1].islower()
    )


def _block(block: Block, text: str) -> str:
    if block.table:
        return _table(block.table)
    if block.kind == "heading":
        return f"{'#' * (block.level or 1)} {_inline(text)}"
    return _paragraph(text)


def _paragraph(text: str) -> str:
    """Return a paragraph; its beginning is not taken for a heading, a list or a quotation."""
    text = _inline(text)
    if number := _NUMBER.match(text):
        return f"{number[0]}\\{text[number.end() :]}"
    return f"\\{text}" if _AT_START.match(text) else text


def _item(text: str) -> str:
    """Return an item of a list. Markdown numbers items with digits only: letters stay in the text."""
    if bullet := markers.bullet(text):
        return f"- {_paragraph(text[len(bullet) :])}"
    ordinal = markers.ordinal(text)
    if ordinal.strip()[:-1].isdigit():
        return f"{ordinal.strip()} {_paragraph(text[len(ordinal) :])}"
    return f"- {_paragraph(text)}"


def _inline(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", " ".join(text.split()))


def _table(table: Table) -> str:
    if any(cell.row_span > 1 or cell.column_span > 1 for cell in table.cells):
        return _html(table)
    head, *rows = (_row(map(_inline, row)) for row in table_rows(table))
    return "\n".join([head, _row("---" for _ in range(table.columns)), *rows])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _html(table: Table) -> str:
    """Return a table in HTML; fields that no cell spans are empty cells."""
    taken = {
        (row, column)
        for cell in table.cells
        for row in range(cell.row, cell.row + cell.row_span)
        for column in range(cell.column, cell.column + cell.column_span)
    }
    by_place = {(cell.row, cell.column): cell for cell in table.cells}
    direction = ' dir="rtl"' if page_runs_from_the_right([cell.text for cell in table.cells]) else ""
    lines = [f"<table{direction}>"]
    for row in range(table.rows):
        cells = []
        for column in range(table.columns):
            if cell := by_place.get((row, column)):
                spans = f' rowspan="{cell.row_span}"' * (cell.row_span > 1)
                spans += f' colspan="{cell.column_span}"' * (cell.column_span > 1)
                cells.append(f"<td{spans}>{html.escape(cell.text, quote=False)}</td>")
            elif (row, column) not in taken:
                cells.append("<td></td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</table>"])
