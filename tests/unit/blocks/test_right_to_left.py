"""Pages of Hebrew and Arabic: indents, bullets, columns and tables begin on the right.

The lines are those of an engine: text in the order in which it is read, boxes where it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ocrspool.blocks.page_blocks import blocks
from ocrspool.blocks.values import PageLines
from ocrspool.layout.boxes import mirrored
from ocrspool.layout.reading_order import reading_order
from ocrspool.layout.text_direction import page_runs_from_the_right
from ocrspool.pages import Segment, TextLine
from support import sample_blocks
from support.sample_blocks import HEIGHT, WIDTH, cells, grid

RIGHT = 120
"""Pixels from the right edge of the page to where its lines begin."""
PROSE = (
    "הוועדה השוותה את הפנקסים הישנים עם תוכניות הגשר לפני תחילת החורף,",
    "ומשרד הנמל תיקן שני מנועים עבור המוזאון. כמה מאות מפות נמדדו בלי",
    "תוספת תקציב על ידי קבוצת מתנדבים מן הארכיון המחוזי ומבית הדפוס אשר",
    "ליד הנהר, והתוצאות פורסמו בספר קטן שיצא לאור בקיץ שלאחר מכן בעיר.",
)
ARABIC = (
    "قارنت اللجنة السجلات القديمة بمخططات الجسر قبل أن يبدأ فصل الشتاء هنا،",
    "وأصلح مكتب الميناء محركين للمتحف. وقيست مئات الخرائط دون مال إضافي",
    "على يد مجموعة من المتطوعين من أرشيف المقاطعة ومن دار الطباعة التي تقع",
    "على ضفة النهر، ونشرت النتائج في كتاب صغير صدر في الصيف الذي تلا ذلك.",
)


def at(x: float, y: float, text: str, size: float = 24, *, words: bool = False) -> TextLine:
    """Return a line that begins x pixels from the right edge."""
    line = sample_blocks.at(x, y, text, size, words=words)
    turned = tuple(replace(word, polygon=mirrored(word.polygon, WIDTH)) for word in line.words)
    return replace(line, polygon=mirrored(line.polygon, WIDTH), words=turned)


def prose(x: float, y: float, lines: int = 4, said: Sequence[str] = PROSE) -> list[TextLine]:
    return [at(x, y + number * 30, said[number % len(said)]) for number in range(lines)]


def page(lines: Sequence[TextLine], rules: Sequence[Segment] = ()) -> PageLines:
    turned = [((WIDTH - a, b), (WIDTH - c, d)) for (a, b), (c, d) in rules]
    return PageLines(lines, WIDTH, HEIGHT, 0, turned)


def found(lines: Sequence[TextLine]) -> list[tuple[str, int | None]]:
    return [(block.kind, len(block.lines)) for block in blocks([page(lines)])[0]]


def table_of(lines: Sequence[TextLine], rules: Sequence[Segment] = ()) -> list[list[str]]:
    (table,) = (block.table for block in blocks([page(lines, rules)])[0] if block.table)
    return cells(table)


@pytest.mark.parametrize("said", [PROSE, ARABIC], ids=["Hebrew", "Arabic"])
def test_an_indent_on_the_right_begins_a_paragraph(said: Sequence[str]) -> None:
    """The ends of lines, on the left, are ragged: they begin nothing."""
    lines = prose(RIGHT, 200, 12, said)
    for place in (4, 8):
        lines[place] = at(RIGHT + 40, 200 + place * 30, said[0][:50])
    assert found(lines) == [("paragraph", 4)] * 3


@pytest.mark.parametrize("said", [PROSE, ARABIC], ids=["Hebrew", "Arabic"])
def test_a_sentence_that_ends_early_ends_its_paragraph(said: Sequence[str]) -> None:
    """No line after it is indented, and no letter is a capital."""
    lines = prose(RIGHT, 200, 8, said)
    lines[3] = at(RIGHT, 290, f"{said[3][:20]}.")
    assert found(lines) == [("paragraph", 4)] * 2


def test_a_larger_line_is_a_heading() -> None:
    lines = [at(RIGHT, 150, "מפלסי המים בעמק", 40), *prose(RIGHT, 230), *prose(RIGHT, 400)]
    assert found(lines) == [("heading", 1), ("paragraph", 4), ("paragraph", 4)]


@pytest.mark.parametrize(
    "marks",
    [("•", "•", "•"), ("1.", "2.", "3."), ("א.", "ב.", "ג."), ("أ)", "ب)", "ج)"), ("\u0661.", "\u0662.", "\u0663.")],
)
def test_items_of_a_list_begin_on_the_right(marks: tuple[str, ...]) -> None:
    """Their further lines hang on the left of the mark."""
    lines = prose(RIGHT, 200)
    for number, mark in enumerate(marks):
        lines += [
            at(RIGHT + 24, 350 + number * 60, f"{mark} {PROSE[0][:40]}"),
            at(RIGHT + 60, 380 + number * 60, PROSE[1][:30]),
        ]
    assert found(lines) == [("paragraph", 4), *[("list-item", 2)] * 3]


def test_a_list_within_a_list_stands_further_left() -> None:
    rows = [(0, "• ראשון"), (50, "– פנימי"), (50, "– נוסף"), (0, "• שני")]  # noqa: RUF001 - dashes
    lines = [
        at(RIGHT + indent, 300 + number * 32, f"{text} {PROSE[0][:30]}") for number, (indent, text) in enumerate(rows)
    ]
    assert [block.level for block in blocks([page(lines)])[0]] == [1, 2, 2, 1]


ROWS = (("פריט", "כמות", "מחיר"), ("ברגים", "12", "3.50"), ("לוחות עץ", "4", "18.00"), ("צבע", "2", "27.90"))


def test_the_first_column_of_a_table_is_the_right_one() -> None:
    """Most of its cells are numbers, which run from the left everywhere."""
    lines = [
        at(RIGHT + 300 * column, 300 + 40 * number, text)
        for number, row in enumerate(ROWS)
        for column, text in enumerate(row)
    ]
    assert table_of(lines) == [list(row) for row in ROWS]


def test_a_line_that_holds_a_row_is_cut_into_its_cells() -> None:
    """Its words stand from the right, and the numbers are in the text in the order in which they are read."""
    lines = []
    for number, row in enumerate(ROWS):
        text = "".join(part.ljust(20) for part in row).rstrip()
        lines.append(at(RIGHT, 300 + 40 * number, text, words=True))
    assert table_of(lines) == [list(row) for row in ROWS]


def test_numbers_alone_in_a_line_are_cut_into_cells_from_the_right() -> None:
    """Nothing in such a line says that it runs from the right: its text is as it lies, from the left."""
    lines = [at(RIGHT + 300 * column, 300, text) for column, text in enumerate(ROWS[0])]
    for number, row in enumerate(ROWS[1:], 1):
        lines.append(at(RIGHT, 300 + 40 * number, row[0]))
        lying = sample_blocks.at(WIDTH - RIGHT - 600 - 12 * 4, 300 + 40 * number, f"{row[2]:<26}{row[1]}", words=True)
        lines.append(lying)
    assert table_of(lines) == [list(row) for row in ROWS]


def test_the_columns_of_a_grid_count_from_the_right() -> None:
    xs, ys = (100, 400, 700, 1000), (280, 330, 380, 430, 480)
    lines = [
        at(xs[column] + 20, ys[number] + 25, text) for number, row in enumerate(ROWS) for column, text in enumerate(row)
    ]
    assert table_of(lines, grid(xs, ys)) == [list(row) for row in ROWS]


def test_a_page_that_lies_on_its_side_is_read_from_the_right() -> None:
    """Turned by 90 degrees to be read: its lines run down, from top to bottom."""
    lines = prose(RIGHT, 200, 12)
    for place in (4, 8):
        lines[place] = at(RIGHT + 40, 200 + place * 30, PROSE[0][:50])

    def turned(line: TextLine) -> TextLine:
        a, b, c, d = ((y, WIDTH - x) for x, y in line.polygon)
        return replace(line, polygon=(a, b, c, d))

    (blocks_found,) = blocks([PageLines([turned(line) for line in lines], HEIGHT, WIDTH, 90)])
    assert [len(block.lines) for block in blocks_found] == [4, 4, 4]


def test_two_columns_are_read_from_the_right_one_on() -> None:
    """As the engine orders them: lines that come row by row."""
    lines = [
        line
        for number in range(6)
        for line in (
            at(640, 200 + number * 30, PROSE[number % 4][:38]),
            at(RIGHT, 200 + number * 30, ARABIC[number % 4][:38]),
        )
    ]
    assert page_runs_from_the_right([line.text for line in lines])
    order = reading_order([mirrored(line.polygon, 0.0) for line in lines])
    assert [lines[place].text[:5] for place in order[:6]] == [ARABIC[number % 4][:5] for number in range(6)]


def test_numbers_have_no_say_in_where_a_page_begins() -> None:
    assert page_runs_from_the_right(["פריט", "12", "3.50", "4", "18.00"])
    assert page_runs_from_the_right(["פריט ABC", "Total"]) is False
    assert not page_runs_from_the_right(["12", "3.50"])
    assert not page_runs_from_the_right([])
