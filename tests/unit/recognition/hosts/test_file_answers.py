"""What a host says of a file, as JSON and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from ocrspool.decoding.api import DocumentInfo
from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import Notice, PageImage, TextLine
from ocrspool.recognition.hosts.answers import outcome_to_json
from ocrspool.recognition.hosts.file_answers import (
    DecoderDeath,
    Fault,
    FileOutcome,
    FilePage,
    FileRead,
    check_file_outcome,
    file_outcome_from_json,
    file_outcome_to_json,
    with_host,
)
from support.stub_pages import BOX, encoded_text

DOCUMENT = DocumentInfo("application/pdf", 3, 100, "0" * 64, (Notice("repaired", "It was repaired.", None),))
HIDDEN = (TextLine("a field", 1.0, BOX, 1.0),)


def image(number: int) -> PageImage:
    return PageImage(number, 4, 2, 1, 8, 4, 200.0, -1)


READ = FileRead(
    DOCUMENT,
    0,
    (
        FilePage(image(1), (Notice("w", "A warning.", 1),), HIDDEN, encoded_text("one")),
        FilePage(fault=Fault("document", "it is damaged", "send it again", "damaged", "decode", 2)),
    ),
    "it was killed",
    0.5,
    0.25,
)


@pytest.mark.parametrize("outcome", [READ, DecoderDeath("it was killed")])
def test_values_survive(outcome: FileOutcome) -> None:
    """Whatever a decoder and an engine have said."""
    assert file_outcome_from_json(file_outcome_to_json(outcome)) == outcome


@pytest.mark.parametrize(
    "error", [DocumentError("encrypted", "it has a password", "remove it", page=None), EngineError("no memory", "add")]
)
def test_errors_survive(error: DocumentError | EngineError) -> None:
    """Those of the whole file, and those of a page."""
    for found in (file_outcome_from_json(file_outcome_to_json(error)), Fault.of(error).error()):
        assert type(found) is type(error)
        assert vars(found) == vars(error)


def changed(**what: Any) -> str:  # noqa: ANN401 - any part of an answer
    return json.dumps({"file": {**asdict(READ), **what}}, default=bytes.decode)


@pytest.mark.parametrize(
    "nonsense",
    [
        *("", "{}", "[]", "5", "[" * 99_999),
        outcome_to_json(encoded_text("a page")),
        changed(first=2),  # beyond the last page
        changed(first=-1),
        changed(first=1),  # the pages have other numbers
        changed(document={**asdict(DOCUMENT), "pages": 0}),
        changed(pages=[{}]),
        changed(pages=[asdict(FilePage(text=encoded_text("no image")))]),
        changed(pages=[asdict(FilePage(PageImage(1, 4, 2, 1, 8, 4, None, 7), text=encoded_text("a descriptor")))]),
        changed(wait_seconds="long"),
    ],
)
def test_nonsense_is_refused(nonsense: str) -> None:
    """A host is another machine."""
    with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it
        file_outcome_from_json(nonsense)
    with pytest.raises(ValueError):  # noqa: PT011 - likewise
        check_file_outcome(nonsense)


def test_nonsense_in_the_text_of_a_page_is_found_by_who_looks_into_it() -> None:
    """The bridge does, and the service does not."""
    far = file_outcome_to_json(READ).replace("30.0", "1e308")
    assert isinstance(file_outcome_from_json(far), FileRead)
    with pytest.raises(ValueError, match="no text of a page"):
        check_file_outcome(far)
    check_file_outcome(file_outcome_to_json(READ))


def test_a_host_is_named() -> None:
    """By pages that it has read, and by what failed there; not by what is the document's fault."""
    worker = FilePage(image(2), fault=Fault("engine", "the worker was killed"))
    found = with_host(FileRead(DOCUMENT, 0, (READ.pages[0], worker), "it died"), "gpu1")
    assert isinstance(found, FileRead)
    assert found.pages[0].text
    assert found.pages[0].text.host == "gpu1"
    assert found.pages[1].fault
    assert (found.pages[1].fault.message, found.death) == ("gpu1: the worker was killed", "gpu1: it died")
    assert with_host(READ, "gpu1").pages[1] == READ.pages[1]  # type: ignore[union-attr] # it is one
    failed = with_host(EngineError("no memory"), "gpu1")
    assert str(failed) == "gpu1: no memory"
    assert with_host(DecoderDeath("it died"), "gpu1") == DecoderDeath("gpu1: it died")
