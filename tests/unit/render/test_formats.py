"""Outputs made of the document alone: each by the rules of its format, whatever the text holds."""

from __future__ import annotations

import json
import os
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrspool.render import alto, hocr, tsv, txt
from ocrspool.render import json as as_json
from ocrspool.render.line_geometry import placement
from ocrspool.render.xml_escape import escaped
from ocrspool.results.from_json import document_from
from ocrspool.results.schema import Document, ReadBy, Word
from support import result_blocks
from support.sample_documents import box, document, line, lost_page, page

HOSTILE = 'a<b> & "c" \t\x00\x1b\ufffe]]> 漢字\U0001f600 \udc80'
ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"
XHTML = "{http://www.w3.org/1999/xhtml}"


def parsed(data: bytes | str) -> ET.Element:
    return ET.fromstring(data)  # noqa: S314 - our own


@pytest.fixture
def made() -> Document:
    """A page with a level, a hostile and a turned line, a blank page, and one that was lost."""
    lines = (
        line("First line", box(100.4, 50, 300, 90)),
        line(HOSTILE.replace("\udc80", ""), box(100, 120, 500, 160), confidence=0.1234),
        line("down", ((700, 100), (700, 500), (650, 500), (650, 100)), confidence=1.0),
    )
    return document(page(*lines), page(number=2), lost_page(3), name='a "b";c%<&>.png')


def test_txt_is_the_text_of_the_json(made: Document) -> None:
    """Pages are joined by form feeds; one line feed ends the file."""
    assert txt.render(made).decode() == made.text + "\n"
    assert txt.render(made).count(b"\f") == 2


def test_lines_from_right_to_left_say_so() -> None:
    """In hOCR as in HTML, in ALTO by its own attribute; the space between two words is between their boxes."""
    hebrew = line("\u05d0\u05d1 \u05d2", box(100, 50, 300, 90))
    words = (Word("\u05d0\u05d1", 0.9, box(220, 50, 300, 90)), Word("\u05d2", 0.9, box(100, 50, 180, 90)))
    made = document(page(replace(hebrew, words=words), line("plain", box(100, 120, 300, 160))))
    lines = [each for each in parsed(hocr.render(made)).iter(f"{XHTML}span") if each.get("class") == "ocr_line"]
    assert [each.get("dir") for each in lines] == ["rtl", None]
    described = parsed(alto.render(made))
    assert [each.get("BASEDIRECTION") for each in described.iter(f"{ALTO}TextLine")] == ["rtl", None]
    (space,) = described.iter(f"{ALTO}SP")
    assert (space.get("HPOS"), space.get("WIDTH")) == ("180.0", "40.0")


def test_tsv_has_the_columns_of_tesseract(made: Document) -> None:
    """Twelve columns in every row; each line is a row of level 4 and one of level 5 that has its text."""
    # Not by csv: that of Python 3.10 refuses the NUL of a text.
    names, *lines = (row.split("\t") for row in tsv.render(made).decode().removesuffix("\n").split("\n"))
    rows = [dict(zip(names, line, strict=True)) for line in lines]
    assert list(rows[0])[:6] == ["level", "page_num", "block_num", "par_num", "line_num", "word_num"]
    assert list(rows[0])[6:] == ["left", "top", "width", "height", "conf", "text"]
    assert [row["level"] for row in rows] == [*"123", *"45" * 3, "1", "1"]
    words = [row for row in rows if row["level"] == "5"]
    assert [row["conf"] for row in words] == ["90.00", "12.34", "100.00"]
    assert (words[0]["text"], words[0]["left"], words[0]["width"]) == ("First line", "100", "200")
    assert {row["conf"] for row in rows if row["level"] != "5"} == {"-1"}


def test_hocr_keeps_the_rules_of_its_specification(made: Document) -> None:
    """It is well-formed; what it uses is declared; every element has its box; text and order are those of the JSON."""
    root = parsed(hocr.render(made))
    metas = {meta.get("name"): meta.get("content", "") for meta in root.iter(f"{XHTML}meta")}
    assert metas["ocr-system"].startswith("ocrspool")
    capabilities = set(metas["ocr-capabilities"].split())
    elements = [element for element in root.iter() if (element.get("class") or "").startswith("ocr")]
    used = {element.get("class") for element in elements}
    assert used == {"ocr_page", "ocr_carea", "ocr_par", "ocr_line", "ocrx_word"}
    assert used < capabilities
    assert len({element.get("id") for element in elements}) == len(elements)
    for element in elements:
        properties = [part.split(None, 1) for part in (element.get("title") or "").split("; ")]
        values = dict(properties)
        assert len(values) == len(properties)
        assert re.fullmatch(r"\d+ \d+ \d+ \d+", values["bbox"])
        if element.get("class") == "ocr_line":
            assert re.fullmatch(r"\d+( \d+){7}", values["poly"])
        if element.get("class") == "ocrx_word":
            assert 0 <= float(values["x_wconf"]) <= 100
    pages = [element for element in elements if element.get("class") == "ocr_page"]
    assert "ppageno 0; scan_res 200 200" in (pages[0].get("title") or "")
    assert 'image "a %22b%22%3Bc%25<&>.png"' in (pages[0].get("title") or "")
    lines = [element for element in elements if element.get("class") == "ocr_line"]
    assert ["".join(element.itertext()) for element in lines][::2] == ["First line", "down"]
    assert "textangle -90.0" in (lines[2].get("title") or "")
    assert "textangle" not in (lines[0].get("title") or "")


def test_alto_keeps_the_rules_of_its_schema(made: Document) -> None:
    """Required elements in their order, IDs that are unique and names, references that lead somewhere, text as read."""
    root = parsed(alto.render(made))
    assert [child.tag.removeprefix(ALTO) for child in root] == ["Description", "Layout"]
    assert root.findtext(f"{ALTO}Description/{ALTO}MeasurementUnit") == "pixel"
    ids = [element.get("ID") for element in root.iter() if element.get("ID")]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z_][\w.-]*", name or "") for name in ids)
    pages = list(root.iter(f"{ALTO}Page"))
    assert [each.get("PHYSICAL_IMG_NR") for each in pages] == ["1", "2", "3"]
    assert all(each.get("PROCESSING") in ids for each in pages)
    strings = list(root.iter(f"{ALTO}String"))
    assert [each.get("CONTENT") for each in strings][::2] == ["First line", "down"]
    for text_line in root.iter(f"{ALTO}TextLine"):
        assert [child.tag.removeprefix(ALTO) for child in text_line] == ["Shape", "String"]
    assert all(0 <= float(each.get("WC") or -1) <= 1 for each in strings)
    assert strings[0].get("HPOS") == "100.4"


def test_alto_names_what_read_each_page(made: Document) -> None:
    """A document that two engines have read has a step for each, and each page refers to its own."""
    other = replace(made.engine, runtime="onnxruntime", fingerprint="f" * 16)
    first, blank, lost = made.pages
    pages = (replace(first, read_by=ReadBy("gpu:1", "f" * 16)), blank, lost)
    root = parsed(alto.render(replace(made, pages=pages, other_engines=(other,))))
    steps = {
        step.get("ID"): step.findtext(f"{ALTO}processingStepDescription") for step in root.iter(f"{ALTO}Processing")
    }
    assert ["onnxruntime" in (steps[page.get("PROCESSING")] or "") for page in root.iter(f"{ALTO}Page")] == [
        True,
        False,
        False,
    ]


@pytest.mark.skipif("OCRSPOOL_ALTO_XSD" not in os.environ, reason="OCRSPOOL_ALTO_XSD names no schema of ALTO 4")
def test_alto_validates(made: Document) -> None:
    """The schema itself has no complaint, with blocks and without."""
    from lxml import etree  # noqa: PLC0415 - comes with pikepdf, and is needed here only

    schema = etree.XMLSchema(etree.parse(Path(os.environ["OCRSPOOL_ALTO_XSD"])))
    for each in (made, result_blocks.with_blocks(), result_blocks.with_blocks(words=False)):
        schema.assertValid(etree.fromstring(alto.render(each)))


@given(st.text())
def test_markup_holds_any_text(text: str) -> None:
    """Whatever was read, the XML is well-formed, and what XML can hold comes back as it was."""
    back = parsed(f'<a b="{escaped(text)}">{escaped(text)}</a>').text or ""
    expected = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
    assert back == expected.replace("\r\n", "\n").replace("\r", "\n")


def test_a_document_comes_back_from_its_file(made: Document) -> None:
    """All renderers can be run on a result file, also on one that was written before there were outputs."""
    found = json.loads(as_json.render(made))
    assert document_from(found) == made
    for each in found["pages"]:
        del each["text_from"]
    del found["outputs"]
    assert document_from(found) == made


def test_placement_is_the_parallelogram_nearest_to_the_polygon() -> None:
    """Text turned a quarter keeps its own top left; a polygon without area holds no text."""
    placed = placement(((700, 100), (700, 500), (650, 500), (650, 100)))
    assert (placed.corner, placed.width, placed.height, placed.angle) == ((700, 100), 400, 50, 90)
    uneven = placement(((0, 0), (100, 0), (110, 20), (10, 30)))
    assert (uneven.along, uneven.down, uneven.corner) == ((100, -5), (10, 25), (0, 2.5))
    with pytest.raises(ValueError, match="no room"):
        placement(((5, 5), (9, 5), (9, 5), (5, 5)))
