"""Markdown and CSV: what the blocks of a document become, and what becomes of signs that mean something there."""

from __future__ import annotations

import csv as csv_reader
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ocrspool.blocks.joining import compounds_in, joined
from ocrspool.errors import DocumentError
from ocrspool.render import csv, md
from ocrspool.results.blocks import Block, Cell, Table
from ocrspool.results.schema import Document, Page
from support.sample_documents import box, document, line, lost_page
from support.sample_documents import page as page_of

BOX = (0.0, 0.0, 100.0, 20.0)


def page(*blocks: tuple[str, str | list[str] | list[list[str]]], number: int = 1) -> Page:
    """Return a page of these blocks: a kind and its lines; of a table, its rows."""
    lines: list[str] = []
    made = []
    for kind, content in blocks:
        name, _, level = kind.partition(" ")
        first = len(lines)
        table = None
        if name == "table":
            rows = [list(row) for row in content]
            cells = [(row, column, text) for row, texts in enumerate(rows) for column, text in enumerate(texts) if text]
            lines += [text for _, _, text in cells]
            numbered = [Cell(row, column, 1, 1, text, (first + n,), BOX) for n, (row, column, text) in enumerate(cells)]
            table = Table(len(rows), len(rows[0]), tuple(numbered))
        else:
            lines += [content] if isinstance(content, str) else [str(text) for text in content]
        places = tuple(range(first, len(lines)))
        made.append(Block(name, int(level) if level else None, places, BOX, table))  # type: ignore[arg-type]
    polygons = [line(text, box(0, 20 * n, 100, 20 * n + 18)) for n, text in enumerate(lines)]
    return replace(page_of(*polygons, number=number), blocks=tuple(made))


def markdown(*pages: Page) -> str:
    return md.render(document(*pages)).decode()


def html_of(text: str) -> str:
    return str(MarkdownIt("commonmark").enable("table").render(text))


def test_each_kind_of_block() -> None:
    made = page(
        ("header", "Annual report"),
        ("heading 1", "Water levels"),
        ("paragraph", ["The committee met", "in winter."]),
        ("list-item 1", "• Maps"),
        ("list-item 2", "– of rivers"),  # noqa: RUF001 - a dash
        ("list-item 1", "• Letters"),
        ("heading 2", "Wells"),
        ("table", [["Well", "Depth"], ["Mill", "7.4"]]),
        ("footer", "12"),
    )
    assert markdown(made) == (
        "# Water levels\n\nThe committee met in winter.\n\n- Maps\n    - of rivers\n- Letters\n\n## Wells\n\n"
        "| Well | Depth |\n| --- | --- |\n| Mill | 7.4 |\n"
    )


def test_numbered_items_keep_their_numbers() -> None:
    """Letters are none of Markdown's numbers: they stay in the text."""
    made = page(("list-item 1", "3. Maps"), ("list-item 2", "(a) of rivers"), ("list-item 1", "4) Letters"))
    assert markdown(made) == "3. Maps\n    - (a) of rivers\n4) Letters\n"


def test_a_rule_stands_between_pages_and_a_lost_page_is_named() -> None:
    made = markdown(page(("paragraph", "One.")), lost_page(2), page(("paragraph", "Three."), number=3))
    assert made == "One.\n\n---\n\n<!-- Page 2 could not be read. -->\n\n---\n\nThree.\n"


def test_a_paragraph_goes_on_in_the_next_column() -> None:
    made = page(("paragraph", ["The committee", "met in the"]), ("paragraph", ["old house of the com-", "mittee."]))
    assert markdown(made) == "The committee met in the old house of the committee.\n"


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["the com-", "mittee"], "the committee"),
        (["the com\u00ad", "mittee"], "the committee"),
        (["well-", "known towns, well-known maps"], "well-known towns, well-known maps"),
        (["the North-", "South line"], "the North-South line"),
        (["pages 3-", "7"], "pages 3-7"),
        (["国破山", "河在"], "国破山河在"),
        (["한국어", "문장"], "한국어 문장"),
        (["  one ", "", "two"], "one two"),
    ],
)
def test_lines_are_joined(lines: list[str], text: str) -> None:
    """A hyphen goes where a word was divided; not one that the document writes within a line too."""
    assert joined(lines, compounds_in(lines)) == text


@pytest.mark.parametrize(
    "text",
    ["# 4", "> 5 kg", "- none", "+ tax", "1. May", "2) June", "---", "=====", "a * b * c", "_x_", "`x`", "<b>", "&amp;",
     "[a](b)", "~~x~~", "\\", "| x |", "![a](b)", "    far"],
)  # fmt: skip
def test_signs_are_text(text: str) -> None:
    """Nothing that a page says becomes Markdown of its own."""
    found = html_of(markdown(page(("paragraph", text), ("paragraph", "more"))))
    plain = text.strip().replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    assert found == f"<p>{plain}</p>\n<p>more</p>\n"


def test_a_pipe_in_a_cell_ends_no_cell() -> None:
    made = markdown(page(("table", [["a|b", "c"], ["d", ""]])))
    assert made == "| a\\|b | c |\n| --- | --- |\n| d |  |\n"
    assert html_of(made).count("<td") == 2


def test_a_table_with_spans_is_html() -> None:
    cells = (
        Cell(0, 0, 1, 2, "A & B", (0,), BOX),
        Cell(1, 0, 1, 1, "1", (1,), BOX),
    )
    made = replace(
        page_of(line("A & B", box(0, 0, 9, 9)), line("1", box(0, 9, 9, 18))),
        blocks=(Block("table", None, (0, 1), BOX, Table(2, 2, cells)),),
    )
    assert markdown(made) == (
        '<table>\n<tr><td colspan="2">A &amp; B</td></tr>\n<tr><td>1</td><td></td></tr>\n</table>\n'
    )


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_whatever_a_page_says_it_is_utf_8_and_no_heading(texts: list[str]) -> None:
    made = markdown(page(*(("paragraph", text) for text in texts)))
    tokens = MarkdownIt("commonmark").parse(made)
    assert not {token.type for token in tokens} & {
        "heading_open",
        "bullet_list_open",
        "ordered_list_open",
        "fence",
        "hr",
    }


def rows_of(made: Document) -> list[list[str]]:
    return list(csv_reader.reader(io.StringIO(csv.render(made).decode(), newline="")))


def test_csv_has_the_tables_of_all_pages() -> None:
    one = page(("paragraph", "Text."), ("table", [["Well", "Depth"], ["Mill", "7,4"]]))
    two = page(("table", [["a", 'b "c"'], ["", "d"]]), number=2)
    assert rows_of(document(one, two)) == [["Well", "Depth"], ["Mill", "7,4"], [], ["a", 'b "c"'], ["", "d"]]


def test_csv_of_a_document_without_tables_says_so() -> None:
    with pytest.raises(DocumentError, match="no table was found"):
        csv.render(document(page(("paragraph", "Text."))))


@pytest.mark.parametrize("text", ['=HYPERLINK("x")', "+cmd|'x'", "-2+3+cmd", "@sum(1)"])
def test_a_spreadsheet_takes_no_cell_for_a_formula(text: str) -> None:
    assert rows_of(document(page(("table", [[text, "x"], ["-5.00 €", "+3"]])))) == [
        [f"'{text}", "x"],
        ["-5.00 €", "+3"],
    ]
