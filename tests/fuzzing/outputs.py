"""Outputs of documents with any text in any place: each is well-formed, and holds the text."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from decimal import Decimal
from html.parser import HTMLParser
from random import Random

import pikepdf

from fuzzing.target import Target
from fuzzing.values import Values
from ocrspool.errors import DocumentError
from ocrspool.pipeline.assemble import build
from ocrspool.render import alto, hocr, html, md, tsv, txt
from ocrspool.render import csv as tables
from ocrspool.render import json as results
from ocrspool.render.page_picture import Picture
from ocrspool.render.pdf.text_layer import Frame, TextLayer
from ocrspool.render.xml_escape import allowed
from ocrspool.results.from_json import document_from
from ocrspool.results.schema import Document, Run
from support.sample_results import ENGINE

_RUN = Run("job", "host", 1, "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.000Z", {})
_XHTML, _ALTO = "{http://www.w3.org/1999/xhtml}", "{http://www.loc.gov/standards/alto/ns-v4#}"
_SVG = {"svg", "g", "image", "polygon", "text"}


def _document(data: bytes) -> Document:
    return build(Values(data).reading(), ENGINE, _RUN)


def _words(document: Document) -> list[str]:
    """Return the words as XML holds them, sorted: outputs have them block by block."""
    lines = [line for page in document.pages for line in page.lines]
    return sorted(allowed(each.text) for line in lines for each in (line.words or (line,)))


def texts(data: bytes) -> None:
    """JSON, XML and tables are read back, and have each word."""
    document = _document(data)
    assert document_from(json.loads(results.render(document))) == document
    words = _words(document)
    spans = ET.fromstring(hocr.render(document)).iter(f"{_XHTML}span")  # noqa: S314 - our own
    assert sorted(each.text or "" for each in spans if each.get("class") == "ocrx_word") == words
    strings = list(ET.fromstring(alto.render(document)).iter(f"{_ALTO}String"))  # noqa: S314 - likewise
    assert len(strings) == len(words)
    rows = tsv.render(document).decode().removesuffix("\n").split("\n")
    assert {row.count("\t") for row in rows} == {11}
    assert sum(row.startswith("5\t") for row in rows) == len(words)
    txt.render(document).decode()
    md.render(document).decode()
    try:
        found = tables.render(document).decode()
    except DocumentError:
        return
    assert list(csv.reader(io.StringIO(found, newline=""), strict=True))


_KNOWN = {*("html", "head", "meta", "link", "title", "style", "body", "h1", "p", "section"), *_SVG}


class _Tags(HTMLParser):
    """Counts what an output has, and knows what it may have."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not [name for name, _ in attrs if name.startswith("on")]
        self.found.append(tag)


def pages(data: bytes) -> None:
    """An HTML page has nothing but what it is made of."""
    document, file = _document(data), io.BytesIO()
    html.write(document, lambda _: Picture("jpeg", b"\xff\xd8\xff", 1, 1, 3), lambda *_: b"\xff\xd8\xff", file)
    tags = _Tags()
    tags.feed(file.getvalue().decode())
    assert set(tags.found) <= _KNOWN
    numbers = file.getvalue().partition(b"<body>")[2]
    assert b"(nan" not in numbers
    assert b"inf " not in numbers


def pdf(data: bytes) -> None:
    """The content of a PDF page is read back, operator by operator, and all its numbers are numbers."""
    document = _document(data)
    with pikepdf.new() as made:
        layer = TextLayer(made)
        for page in document.pages:
            target = made.add_blank_page(page_size=(612, 792))
            layer.add(target, page, Frame((0, 792), (612, 0), (0, -792)))
        layer.close()
        saved = io.BytesIO()
        made.save(saved)
    with pikepdf.open(saved) as again:
        assert len(again.pages) == len(document.pages)
        for found in again.pages:
            for each in pikepdf.parse_content_stream(found):
                assert str(each.operator) in {"q", "Q", "BT", "ET", "Tr", "Tf", "Tm", "Tj"}
                numbers = [float(one) for one in each.operands if isinstance(one, (int, float, Decimal))]
                assert all(abs(number) < 1e12 for number in numbers)


def _seeds() -> list[bytes]:
    return [Random(number).randbytes(300) for number in range(8)] + [b""]


TARGETS = (Target("texts", texts, _seeds), Target("html", pages, _seeds), Target("pdf", pdf, _seeds))
