"""What blocks need of a page's own text: its ruling lines, and how high and how bold its letters are."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import pypdfium2
import pytest
from pikepdf import Array, Dictionary, Name

from ocrspool.blocks.page_blocks import blocks
from ocrspool.blocks.values import PageLines
from ocrspool.decoding.child.pdf.ruling_lines import ruling_lines
from ocrspool.decoding.child.pdf.text import Place, own_text
from ocrspool.pages import Segment, TextLine
from support import sample_pdfs

WIDTH, HEIGHT = 612, 792


def pdf(content: str, *, rotate: int = 0, form: str = "") -> bytes:
    """A page with this content; Fx is a form that has `form` in it, twice as large."""
    made = sample_pdfs.document(())
    page = made.pages[0]
    bold = made.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name("/Helvetica-Bold")))
    page.obj.Resources.Font["/F2"] = bold
    inner = made.make_stream(form.encode(), Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 600, 600]))
    page.obj.Resources["/XObject"] = Dictionary(Fx=inner)
    page.obj.Contents = made.make_stream(content.encode())
    page.obj.Rotate = rotate
    return sample_pdfs.saved(made)


def found(data: bytes) -> tuple[tuple[Segment, ...], tuple[TextLine, ...]]:
    """The rules and the lines of the first page, a pixel for each point."""
    with contextlib.closing(pypdfium2.PdfDocument(data)) as opened:
        page = opened[0]
        size = round(page.get_width()), round(page.get_height())
        lines = own_text(page, *size, words="words")
        return ruling_lines(page, Place(page, *size)), tuple(each.line for each in lines)


def rules(content: str, *, rotate: int = 0, form: str = "") -> list[tuple[int, ...]]:
    drawn, _ = found(pdf(content, rotate=rotate, form=form))
    return [tuple(round(value) for point in sorted(line) for value in point) for line in drawn]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("1 w 100 692 m 300 692 l S", [(100, 100, 300, 100)]),
        ("1 w 100 692 m 100 492 l S", [(100, 100, 100, 300)]),
        ("100 691 200 2 re f", [(100, 100, 300, 100)]),
        ("100 592 200 100 re S", [(100, 100, 300, 100), (100, 200, 300, 200),
                                  (100, 100, 100, 200), (300, 100, 300, 200)]),
        ("100 592 200 100 re f", []),
        ("1 1 1 RG 100 692 m 300 692 l S", []),
        ("1 1 1 rg 100 691 200 2 re f", []),
        ("100 692 m 300 592 l S", []),
        ("100 692 m 300 692 350 692 400 642 c S", []),
        ("100 692 m 112 692 l S", []),
        ("100 692 m 150 692 l S 151 692 m 200 692 l S 200 692.5 m 250 692.5 l S", [(100, 100, 250, 100)]),
        ("100 692 m 150 692 l S 170 692 m 200 692 l S", [(100, 100, 150, 100), (170, 100, 200, 100)]),
        ("q 2 0 0 1 50 0 cm 100 692 m 200 692 l S Q", [(250, 100, 450, 100)]),
        ("-900 692 m 9000 692 l S", [(0, 100, 612, 100)]),
        ("1e30 692 m 9e38 692 l S", []),
    ],
    ids=["line", "upright", "flat rectangle", "frame", "area", "white", "white area", "slanted", "curve", "short",
         "pieces", "two lines", "scaled", "beyond the page", "no numbers"],
)  # fmt: skip
def test_ruling_lines(content: str, expected: list[tuple[int, ...]]) -> None:
    """Those that are seen, level or upright, as long as a cell; in pixels from the top left."""
    near = [tuple(pytest.approx(value, abs=1) for value in line) for line in sorted(expected)]
    assert sorted(rules(content)) == near


def test_lines_of_a_form_are_where_the_form_is() -> None:
    assert rules("q 2 0 0 2 100 0 cm /Fx Do Q", form="20 300 m 120 300 l S") == [(140, 192, 340, 192)]


def test_lines_of_a_turned_page_are_as_it_is_shown() -> None:
    """A line across the page runs down the page that is turned by a quarter."""
    assert rules("100 692 m 300 692 l S", rotate=90) == [(692, 100, 692, 300)]


def test_a_drawing_has_no_ruling_lines() -> None:
    """A page with more of them than any table has."""
    assert rules("\n".join(f"{x} {y} m {x + 30} {y} l S" for x in range(0, 600, 40) for y in range(0, 790, 5))) == []


def test_letters_are_measured_and_bold_ones_have_thicker_strokes() -> None:
    _, (plain, bold, large, capitals) = found(pdf(
        "BT /F1 12 Tf 1 0 0 1 50 700 Tm (some more cream) Tj /F2 12 Tf 1 0 0 1 50 660 Tm (some more cream) Tj "
        "/F1 24 Tf 1 0 0 1 50 600 Tm (some more cream) Tj /F1 12 Tf 1 0 0 1 50 560 Tm (MORE CREAM 12) Tj ET"
    ))  # fmt: skip
    assert plain.letter_height == pytest.approx(0.53 * 12, abs=0.6)
    assert large.letter_height == pytest.approx(2 * (plain.letter_height or 0), rel=0.05)
    assert capitals.letter_height == pytest.approx(0.73 * 12, abs=0.6)
    assert (bold.stroke or 0) > 1.3 * (plain.stroke or 1)


def kinds(lines: Sequence[TextLine], drawn: Sequence[Segment]) -> list[str]:
    return [block.kind for block in blocks([PageLines(lines, WIDTH, HEIGHT, rules=drawn)])[0]]


def test_a_bold_line_is_a_heading_and_a_grid_is_a_table() -> None:
    """As on a page that was read. The cells of a row are too long for a table without rules."""
    prose = "a sentence of the text that goes on and on across the page and says"
    content = ["BT /F2 12 Tf 1 0 0 1 50 720 Tm (What was found) Tj /F1 12 Tf"]
    content += [f"1 0 0 1 50 {690 - 15 * line} Tm ({prose}) Tj" for line in range(6)]
    for row in range(3):
        for column in range(2):
            content.append(f"1 0 0 1 {60 + 250 * column} {480 - 40 * row} Tm (a text of the cell that is long) Tj")
    content.append("ET")
    content += [f"50 {y} m 550 {y} l S" for y in (500, 460, 420, 380)]
    content += [f"{x} 380 m {x} 500 l S" for x in (50, 300, 550)]
    drawn, lines = found(pdf("\n".join(content)))
    assert kinds(lines, drawn) == ["heading", "paragraph", "table"]
    assert "table" not in kinds(lines, ())
