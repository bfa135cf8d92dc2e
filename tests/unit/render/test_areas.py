"""The areas of a page, and how hOCR, ALTO and TSV tell them."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace

import pytest

from ocrspool.blocks.joining import divided_word
from ocrspool.render import alto, hocr, tsv
from ocrspool.render.areas import areas_of
from ocrspool.results.schema import Document
from support import result_blocks

ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"
XHTML = "{http://www.w3.org/1999/xhtml}"


def parsed(data: bytes) -> ET.Element:
    return ET.fromstring(data)  # noqa: S314 - our own


@pytest.fixture
def made() -> Document:
    """A page with a header, a heading, a divided word, a caption, a table, a bullet in no cell, and a footer."""
    return result_blocks.with_blocks()


def test_a_line_over_two_cells_is_divided(made: Document) -> None:
    """Each part has its own words, name and box; a line of the table that is in no cell stands at its end."""
    table = next(area for area in areas_of(made.pages[0]) if area.block.table)
    told = [[(part.name, part.line.text) for part in paragraph.lines] for paragraph in table.paragraphs]
    assert told == [[("6", "apples")], [("6.2", "12")], [("7", "pears")], [("8", "7")], [("9", "•")]]
    apples, number = (paragraph.lines[0].line for paragraph in table.paragraphs[:2])
    assert apples.bounding_box == (100, 300, 160, 320)
    assert number.bounding_box == (170, 300, 190, 320)
    assert [cell and (cell.row, cell.column) for cell in (each.cell for each in table.paragraphs)] == [
        *((0, 0), (0, 1), (1, 0), (1, 1)),
        None,
    ]


def test_a_line_without_words_is_in_its_first_cell() -> None:
    """Nobody knows where to divide it. The other cell has no lines and is left out."""
    table = next(area for area in areas_of(result_blocks.with_blocks(words=False).pages[0]) if area.block.table)
    assert [[part.line.text for part in each.lines] for each in table.paragraphs] == [
        *(["apples 12"], ["pears"], ["7"]),
        ["•"],
    ]


def test_a_result_without_blocks_is_one_paragraph(made: Document) -> None:
    """Results of earlier versions have none: every line is told all the same."""
    (area,) = areas_of(replace(made.pages[0], blocks=()))
    assert [part.line for part in area.paragraphs[0].lines] == list(made.pages[0].lines)
    assert area.block.bounding_box == (80, 20, 420, 720)


@pytest.mark.parametrize("words", [True, False])
def test_no_line_is_lost_and_none_is_doubled(*, words: bool) -> None:
    """All three formats have the words of the lines, each once."""
    document = result_blocks.with_blocks(words=words)
    expected = Counter(word for line in document.pages[0].lines for word in line.text.split())
    spans = [each for each in parsed(hocr.render(document)).iter(f"{XHTML}span") if each.get("class") == "ocrx_word"]
    assert Counter(word for each in spans for word in (each.text or "").split()) == expected
    rows = csv.DictReader(io.StringIO(tsv.render(document).decode()), delimiter="\t", quoting=csv.QUOTE_NONE)
    assert Counter(word for row in rows if row["level"] == "5" for word in row["text"].split()) == expected
    root = parsed(alto.render(document))
    texts = []
    for line in root.iter(f"{ALTO}TextLine"):
        texts.append(" ".join(each.get("CONTENT") or "" for each in line.iter(f"{ALTO}String")))
        texts[-1] += "".join(each.get("CONTENT") or "" for each in line.iter(f"{ALTO}HYP"))
    assert Counter(word for text in texts for word in text.split()) == expected


def test_hocr_has_blocks_tables_headers_and_headings(made: Document) -> None:
    """As Tesseract has them: an area, its paragraphs, their lines. A heading says its level."""
    root = parsed(hocr.render(made))
    (page,) = (each for each in root.iter(f"{XHTML}div") if each.get("class") == "ocr_page")
    assert [each.get("class") for each in page] == [
        *("ocr_header", "ocr_carea", "ocr_carea", "ocr_caption", "ocr_table", "ocr_footer")
    ]
    assert all(each.get("class") == "ocr_par" and each.tag == f"{XHTML}p" for area in page for each in area)
    heading = page[1][0]
    assert (heading.get("role"), heading.get("aria-level")) == ("heading", "2")
    assert [each.get("role") for each in root.iter(f"{XHTML}p")].count("heading") == 1
    cells = [(each.get("title") or "").partition("x_cell ")[2] for each in page[4]]
    assert cells == ["0 0 1 1", "0 1 1 1", "1 0 1 1", "1 1 1 1", ""]


def test_alto_has_blocks_with_tags_and_tables(made: Document) -> None:
    """Each TextBlock refers to the tag of its kind; a table is a ComposedBlock; a divided word is told whole."""
    root = parsed(alto.render(made))
    tags = {tag.get("ID"): tag.get("LABEL") for tag in root.iter(f"{ALTO}LayoutTag")}
    (space,) = root.iter(f"{ALTO}PrintSpace")
    kinds = [tags.get(each.get("TAGREFS") or "", each.get("TYPE")) for each in space]
    assert kinds == ["header", "heading2", "paragraph", "caption", "table", "footer"]
    (table,) = root.iter(f"{ALTO}ComposedBlock")
    assert [(each.get("ID") or "").partition("_row")[2] for each in table] == [
        *("1_column1", "1_column2", "2_column1", "2_column2", "")
    ]
    parts = [each for each in root.iter(f"{ALTO}String") if each.get("SUBS_TYPE")]
    assert [(each.get("SUBS_TYPE"), each.get("CONTENT"), each.get("SUBS_CONTENT")) for each in parts] == [
        ("HypPart1", "be", "between"),
        ("HypPart2", "tween", "between"),
    ]
    assert [each.get("CONTENT") for each in root.iter(f"{ALTO}HYP")] == ["-"]
    ids = [each.get("ID") for each in root.iter() if each.get("ID")]
    assert len(ids) == len(set(ids))


def test_tsv_counts_blocks_paragraphs_lines_and_words_as_tesseract_does(made: Document) -> None:
    """Each number begins anew with 1 in what is around it."""
    rows = csv.DictReader(io.StringIO(tsv.render(made).decode()), delimiter="\t", quoting=csv.QUOTE_NONE)
    names = ("block_num", "par_num", "line_num", "word_num")
    found = {row["text"]: tuple(int(row[name]) for name in names) for row in rows if row["level"] == "5"}
    assert found["Annual"] == (1, 1, 1, 1)
    assert found["report"] == (1, 1, 1, 2)
    assert found["tween"] == (3, 1, 2, 1)
    assert found["apples"] == (5, 1, 1, 1)
    assert found["12"] == (5, 2, 1, 1)
    assert found["17"] == (6, 1, 1, 1)


@pytest.mark.parametrize(
    ("line", "after", "word"),
    [
        ("it is divided be-", "tween lines", "between"),
        ("it is well-", "Known", None),
        ("soft\N{SOFT HYPHEN}", "ware", "software"),
        ("pages 3-", "7", None),
        ("no hyphen", "at all", None),
        ("well-", "known", None),
        ("", "x", None),
    ],
)
def test_divided_words(line: str, after: str, word: str | None) -> None:
    """A word with a hyphen of its own, as the document has it elsewhere, is not divided."""
    assert divided_word(line, after, {"well-known"}) == word
