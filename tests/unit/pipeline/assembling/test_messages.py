"""What the service and an assembler say to each other: nothing gets lost, and no nonsense is believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ocrspool.errors import DocumentError
from ocrspool.pages import EncodedText
from ocrspool.pipeline.assembler import FoundPage, draft_of
from ocrspool.pipeline.assembling.messages import draft_from, draft_to_message, request_from, request_pieces
from ocrspool.pipeline.draft import Draft
from ocrspool.processes.channel import Message
from ocrspool.recognition.page_json import UnreadableBodyError, decoded
from support.sample_parts import EVERY_TEXT, as_written, parts
from support.sample_results import ENGINE


def told(draft: Draft) -> tuple[Any, ...]:
    """Return all of a draft. Errors are equal if their words are; how long anything took differs."""
    seconds = {stage: spent for stage, spent in draft.run.seconds.items() if stage != "blocks"}
    texts = {name: text.data if isinstance(text.data, bytes) else str(text.data) for name, text in draft.texts.items()}
    return replace(draft, texts={}, run=replace(draft.run, seconds=seconds)), texts


def through_messages() -> Draft:
    engine, received = request_from(request_pieces(ENGINE, parts(as_written)))
    return draft_from(draft_to_message(draft_of(engine, received)), parts())


def test_a_document_is_assembled_alike_on_both_sides_of_a_message() -> None:
    """Pages from here and from a host, lost ones, a PDF's own text, fields of a form, a name that is not UTF-8."""
    assert told(through_messages()) == told(draft_of(ENGINE, parts()))
    assert set(through_messages().texts) == set(EVERY_TEXT)
    assert isinstance(through_messages().texts["csv"].data, DocumentError), "there is no table in it"


def test_the_text_of_a_page_says_nothing_of_the_document() -> None:
    """A worker that an image has taken over may write anything: it stays the text of that page, or is none."""
    forged = EncodedText(b'{"lines":[],"rotation":0,"warnings":[]}}],"name":"6162","x":[{"a":{}', {})
    image = parts().pages[0]
    assert isinstance(image, FoundPage)
    pieces = request_pieces(ENGINE, replace(parts(), pages=[replace(image, text=forged)]))
    with pytest.raises(UnreadableBodyError):
        request_from(pieces)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"lines":5}', b"\xff", b"[" * 100_000], ids=lambda body: body[:9]
)
def test_a_text_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableBodyError, match="no text of a page"):
        decoded(EncodedText(body, {}))


def change(*path: str | int, to: object) -> Callable[[dict[str, Any]], None]:
    def changed(about: dict[str, Any]) -> None:
        inner: Any = about
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = to

    return changed


@pytest.mark.parametrize(
    "changed",
    [
        change("facts", to=None),
        change("facts", "status", to="fine"),
        change("facts", "pages", to=7),
        change("facts", "lost", to="1"),
        change("facts", "readers", to={"default": "many"}),
        change("facts", "more", to=1),
        change("beginning", to=1 << 40),
        change("beginning", to="1"),
        change("texts", 0, 0, to="pdf"),
        change("texts", 0, 2, to=-1),
        change("texts", 0, 2, to={"words": [1, 2, 3], "page": None}),
        change("texts", to=[]),
        change("warnings", 0, to=["code"]),
        change("warnings", 0, 1, to=5),
        change("warnings", 0, 3, to=["1"]),
        change("hosts", to=[1]),
        change("blocks", to="1"),
    ],
)
def test_no_nonsense_is_taken_for_a_draft(changed: Callable[[dict[str, Any]], None]) -> None:
    message = draft_to_message(draft_of(ENGINE, parts()))
    answer: Message = {"draft": json.loads(json.dumps(message["draft"])), "body": message["body"]}
    assert draft_from(answer, parts())
    changed(answer["draft"])
    with pytest.raises(ValueError, match="no draft"):
        draft_from(answer, parts())


@pytest.mark.parametrize("answer", [{}, {"draft": {}}, {"draft": [], "body": b"x"}, {"ready": True}], ids=str)
def test_no_answer_is_no_draft(answer: Message) -> None:
    with pytest.raises(ValueError, match="no draft"):
        draft_from(answer, parts())
