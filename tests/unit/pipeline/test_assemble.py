"""From what was found to what is published: schema, bytes, scaling, lost pages, names."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrspool.cli.json_schemas import schema_of
from ocrspool.decoding.api import DocumentInfo
from ocrspool.errors import DocumentError
from ocrspool.files import names
from ocrspool.pages import EmbeddedText, Notice, PageImage, PageText, Polygon, TextLine
from ocrspool.pipeline.assemble import LostPage, Reading, ReadPage, build
from ocrspool.pipeline.assembler import drafted
from ocrspool.render.json import render
from ocrspool.results.from_json import document_from, engine_from
from ocrspool.results.schema import Document, Run

FACTS = {
    "runtime": "openvino", "runtime_version": "2025.4", "device": "cpu", "precision": "bf16",
    "fingerprint": "0123456789abcdef", "models": [{"role": "detection", "name": "det", "sha256": "0" * 64}],
}  # fmt: skip
ENGINE = engine_from(FACTS)
RUN = Run("j1", "host", 1, "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.000Z", {"decode": 0.5})
SQUARE: Polygon = ((10.0, 20.0), (30.0, 20.0), (30.0, 40.0), (10.0, 40.0))
VALIDATOR = jsonschema.Draft202012Validator(schema_of("result"))


def line(text: str = "text", polygon: Polygon = SQUARE, confidence: float = 0.9) -> TextLine:
    """Return a line."""
    return TextLine(text, confidence, polygon, 0.8)


def page(
    *lines: TextLine,
    number: int = 1,
    dpi: float | None = 200.0,
    source: tuple[int, int] = (100, 200),
    **more: Any,  # noqa: ANN401 - whatever a PageText has
) -> ReadPage:
    """Return a page whose image has 100 by 200 pixels."""
    image = PageImage(number, 100, 200, 1, *source, dpi, fd=-1)
    return ReadPage(image, PageText(lines, 90, {"detect": 0.1}, **more))


def lost(number: int = 1) -> LostPage:
    """Return a page that could not be decoded."""
    return LostPage(number, DocumentError("damaged", "it is damaged", "scan it again", page=number))


def built(
    *pages: ReadPage | EmbeddedText | LostPage, name: str = "a.png", notices: tuple[Notice, ...] = ()
) -> Document:
    """Return the document of these pages."""
    opened = DocumentInfo("image/png", len(pages), 1234, "f" * 64, ())
    return build(Reading(name, "scans", opened, pages, notices), ENGINE, RUN)


def published(document: Document) -> dict[str, Any]:
    """Return what a reader of the rendered result gets, which has to be what the published schema promises."""
    found = json.loads(render(document))
    VALIDATOR.validate(found)
    return cast("dict[str, Any]", found)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
POINTS = st.tuples(st.floats(0, 1e5), st.floats(0, 1e5))
LINES = st.builds(TextLine, TEXTS, st.floats(0, 1), st.tuples(POINTS, POINTS, POINTS, POINTS), st.floats(0, 1))
PAGES = st.builds(lambda lines, dpi: page(*lines, dpi=dpi), st.lists(LINES, max_size=4), st.none() | st.floats(1, 1e4))
NOTICES = st.builds(lambda text, page: Notice("x", text, page), TEXTS, st.none() | st.integers(1, 9))
NAMES = (
    st.binary(min_size=1, max_size=20)
    .filter(lambda raw: b"\0" not in raw)
    .map(lambda raw: raw.decode(errors="surrogateescape"))
)


@given(st.lists(PAGES | st.just(lost()), min_size=1, max_size=3), st.lists(NOTICES, max_size=2), NAMES)
def test_whatever_is_found_fits_the_schema(pages: list[ReadPage | LostPage], notices: list[Notice], name: str) -> None:
    """Every result validates, and equal documents give equal bytes."""
    one, other = (built(*pages, name=name, notices=tuple(notices)) for _ in range(2))
    found = published(one)
    assert render(one) == render(other)
    assert names.from_json({key: value for key, value in found["source"].items() if value is not None}) in {name, ""}
    assert [len(each["lines"]) for each in found["pages"]] == [
        len(each.text.lines) if isinstance(each, ReadPage) else 0 for each in pages
    ]


def test_the_schema_refuses() -> None:
    """The schema is not one that lets everything pass."""
    good = published(built(page(line())))
    for path, value in (
        (("status",), "great"),
        (("pages", 0, "width"), "wide"),
        (("schema",), "other/9"),
        (("engine",), None),
    ):
        wrong = json.loads(json.dumps(good))
        place = wrong
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        assert not VALIDATOR.is_valid(wrong), path
    del good["text"]
    assert not VALIDATOR.is_valid(good)


def test_text_in_reading_order() -> None:
    """Lines are joined by line feeds, pages by form feeds; order counts from 0."""
    found = published(built(page(line("one"), line("two")), page(number=2), page(line("three"), number=3)))
    assert found["text"] == "one\ntwo\f\fthree"
    assert [each["text"] for each in found["pages"]] == ["one\ntwo", "", "three"]
    assert [each["order"] for each in found["pages"][0]["lines"]] == [0, 1]


def test_a_blank_page_is_a_result() -> None:
    """No text is no failure."""
    found = published(built(page()))
    assert found["status"] == "ok"
    assert (found["pages"][0]["status"], found["pages"][0]["confidence"], found["pages"][0]["lines"]) == (
        "ok",
        None,
        [],
    )


def test_polygons_are_in_source_pixels() -> None:
    """A page that was reduced, unevenly by rounding, has its polygons where they are on the source page."""
    found = published(built(page(line(), source=(250, 400))))["pages"][0]
    assert (found["width"], found["height"], found["rotation"], found["dpi"]) == (250, 400, 90, 200.0)
    assert found["lines"][0]["polygon"] == [[25.0, 40.0], [75.0, 40.0], [75.0, 80.0], [25.0, 80.0]]
    assert found["lines"][0]["bounding_box"] == [25.0, 40.0, 75.0, 80.0]


def test_the_bounding_box_of_a_slanted_line() -> None:
    """Left, top, right, bottom of all four points, whichever way the text runs."""
    slanted: Polygon = ((50.0, 90.0), (10.0, 50.0), (30.0, 5.0), (70.0, 60.0))
    (found,) = published(built(page(line(polygon=slanted))))["pages"][0]["lines"]
    assert found["polygon"] == [list(point) for point in slanted]
    assert found["bounding_box"] == [10.0, 5.0, 70.0, 90.0]


def test_confidence_is_the_mean_of_the_lines() -> None:
    """Rounded to what means anything."""
    found = published(built(page(line(confidence=2 / 3), line(confidence=1 / 3))))["pages"][0]
    assert found["confidence"] == 0.5
    assert [each["confidence"] for each in found["lines"]] == [0.6667, 0.3333]


@pytest.mark.parametrize("pages", [[page(line()), lost(2)], [lost(1), page(line(), number=2)]])
def test_a_lost_page_makes_a_partial_document(pages: list[ReadPage | LostPage]) -> None:
    """What could be read is published; what could not says why, and keeps its place in the text."""
    found = published(built(*pages))
    assert found["status"] == "partial"
    assert sorted(each["status"] for each in found["pages"]) == ["failed", "ok"]
    assert [each["number"] for each in found["pages"]] == [1, 2]
    (failed,) = (each for each in found["pages"] if each["status"] == "failed")
    assert failed["error"] == {"kind": "damaged", "message": "it is damaged", "hint": "scan it again"}
    assert found["text"].split("\f")[failed["number"] - 1] == ""


def test_a_name_that_is_not_utf8() -> None:
    """The path is shown readably, and its exact bytes are there too; other names have no second form."""
    source = published(built(page(), name="sub/caf\udce9.png"))["source"]
    assert (source["path"], source["name"]) == ("sub/caf\\xe9.png", "caf\\xe9.png")
    assert b64decode(source["path_base64"]) == b"sub/caf\xe9.png"
    assert published(built(page(), name="sub/café.png"))["source"]["path_base64"] is None


def test_notices_are_kept() -> None:
    """What decoding remarked is published, with the page or without."""
    notices = (Notice("icc", "no profile", 2), Notice("x", "y", None))
    assert published(built(page(), notices=notices))["warnings"] == [
        {"code": "icc", "message": "no profile", "page": 2, "lines": []},
        {"code": "x", "message": "y", "page": None, "lines": []},
    ]


def test_warnings_of_pages_name_their_lines() -> None:
    """They stand after those of decoding, each with its page."""
    warnings = (Notice("unread-script", "two lines", None, lines=(0, 2)), Notice("other", "the page", None))
    found = published(built(page(), page(number=2, warnings=warnings), notices=(Notice("x", "y", None),)))
    assert found["warnings"] == [
        {"code": "x", "message": "y", "page": None, "lines": []},
        {"code": "unread-script", "message": "two lines", "page": 2, "lines": [0, 2]},
        {"code": "other", "message": "the page", "page": 2, "lines": []},
    ]


def test_in_short_a_document_has_few_codes() -> None:
    """Each once, whatever its decoder makes up: hooks get them in one variable."""
    notices = tuple(Notice(f"x{number:03}", "y", None) for number in range(500)) * 2
    told = drafted(built(page(), notices=notices), ()).summary(Path("a.png.json"))
    assert told["warnings"] == [f"x{number:03}" for number in range(20)]


def test_each_page_names_what_read_it() -> None:
    """A document that two engines have read has both, the first page's first; what none has read names none."""
    gpu = {**FACTS, "device": "gpu", "fingerprint": "f" * 16}
    own = EmbeddedText(4, 100, 200, 72.0, (line(),))
    pages = (
        page(line(), engine=gpu, device="gpu:1"),
        page(number=2, engine=FACTS, device="cpu"),
        lost(3),
        own,
        page(number=5, engine=gpu, device="gpu:0"),
    )
    document = built(*pages)
    found = published(document)
    assert [each["read_by"] for each in found["pages"]] == [
        {"device": "gpu:1", "fingerprint": "f" * 16, "host": None, "finder": None},
        {"device": "cpu", "fingerprint": ENGINE.fingerprint, "host": None, "finder": None},
        None,
        None,
        {"device": "gpu:0", "fingerprint": "f" * 16, "host": None, "finder": None},
    ]
    assert found["engine"]["fingerprint"] == "f" * 16
    assert [each["fingerprint"] for each in found["other_engines"]] == [ENGINE.fingerprint]
    assert document_from(found) == document
    assert published(built(own))["engine"]["fingerprint"] == ENGINE.fingerprint


def test_a_page_names_the_host_that_read_it() -> None:
    """The run names all hosts. The machine of the service is none of them."""
    there = page(line(), engine=FACTS, device="gpu:0", host="gpu2")
    document = built(there, page(number=2, engine=FACTS, device="cpu"))
    assert [each.read_by.host for each in document.pages if each.read_by] == ["gpu2", None]
    assert document.run.hosts == ("gpu2",)


def test_results_of_earlier_versions_are_results() -> None:
    """They say nothing of what read each page, and are read all the same."""
    found = published(built(page(line()), notices=(Notice("x", "y", None),)))
    del found["other_engines"], found["pages"][0]["read_by"], found["warnings"][0]["lines"]
    VALIDATOR.validate(found)
    assert document_from(found) == built(page(line()), notices=(Notice("x", "y", None),))


def test_only_the_run_may_differ() -> None:
    """Another run of the same document gives the same bytes up to `run`, which stands last."""
    document = built(page(line()))
    other = replace(document, run=replace(RUN, job="j2", host="elsewhere", seconds={"decode": 9.0}))
    first, second = render(document), render(other)
    assert first != second
    cut = first.index(b'\n  "run"')
    assert first[:cut] == second[:cut]
    assert list(published(document))[-1] == "run"


def test_one_text_line_is_one_row() -> None:
    """People can read it, and grep finds a line with its place; the file ends in a line feed and is UTF-8."""
    data = render(built(page(line("Straße\n"), line("two"))))
    assert data.endswith(b"}\n")
    rows = [row for row in data.decode("utf-8").splitlines() if '"polygon"' in row]
    assert len(rows) == 2
    assert "Straße\\n" in rows[0]


def at(x: float, y: float, text: str) -> TextLine:
    return line(text, ((x, y), (x + 30, y), (x + 30, y + 8), (x, y + 8)))


TALL_ROW = (at(2, 2, "Maps of"), at(52, 2, "kept in"), at(102, 2, "by"), at(2, 12, "rivers"), at(52, 12, "room 4"))
LOW_ROWS = tuple(
    at(x, 30 + 12 * row, f"{name}{row}") for row in range(6) for x, name in ((2, "a"), (52, "b"), (102, "c"))
)
GRID = (
    *(((0.0, y), (148.0, y)) for y in (0.0, 24.0, *range(40, 112, 12))),
    *(((x, 0.0), (x, 100.0)) for x in (0.0, 48.0, 98.0, 148.0)),
)


def test_the_lines_of_a_page_are_in_the_order_of_its_cells() -> None:
    """Cells of two lines each are read one by one; warnings name the same lines as before, by their new numbers."""
    warnings = (Notice("ink", "left", None, lines=(3,)),)
    text = PageText((*TALL_ROW, *LOW_ROWS), 0, {}, warnings, rules=GRID)
    image = PageImage(1, 150, 200, 1, 300, 400, None, fd=-1)
    found = published(built(ReadPage(image, text)))
    told = [each["text"] for each in found["pages"][0]["lines"]]
    assert told[:5] == ["Maps of", "rivers", "kept in", "room 4", "by"]
    assert [each["order"] for each in found["pages"][0]["lines"]] == list(range(23))
    assert found["warnings"][0]["lines"] == [1]
    (block,) = found["pages"][0]["blocks"]
    assert block["bounding_box"][:2] == [4.0, 4.0], "in pixels of the source"
    assert [cell["text"] for cell in block["table"]["cells"]][:3] == ["Maps of rivers", "kept in room 4", "by"]


@pytest.mark.parametrize(
    ("lines", "rules"),
    [
        ((*TALL_ROW, *LOW_ROWS), GRID[:-1]),
        ((*TALL_ROW, *LOW_ROWS[:9]), GRID),
        ((*TALL_ROW, *LOW_ROWS, line("down", ((140, 2), (140, 60), (132, 60), (132, 2)))), GRID),
    ],
    ids=["three upright strokes", "few lines", "vertical text"],
)
def test_the_order_stays_where_there_may_be_no_table(
    lines: tuple[TextLine, ...], rules: tuple[tuple[tuple[float, float], tuple[float, float]], ...]
) -> None:
    """A receipt, a sign in a photograph, and columns of vertical text have strokes too."""
    image = PageImage(1, 150, 200, 1, 300, 400, None, fd=-1)
    found = published(built(ReadPage(image, PageText(lines, 0, {}, rules=rules))))
    assert [each["text"] for each in found["pages"][0]["lines"]] == [each.text for each in lines]


def test_blocks_of_a_pdfs_own_text() -> None:
    """It has neither letter heights nor ruling lines, and has blocks all the same."""
    own = EmbeddedText(1, 100, 200, 72.0, (line("One line"), line("another", SQUARE)))
    found = published(built(own))
    assert sorted(order for block in found["pages"][0]["blocks"] for order in block["lines"]) == [0, 1]


def test_a_lost_page_has_no_blocks() -> None:
    assert published(built(lost(), page(line(), number=2)))["pages"][0]["blocks"] == []
