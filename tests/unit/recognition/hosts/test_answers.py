"""What hosts say survives the way, and nonsense is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from ocrspool.config.schema import Config
from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import EncodedText, Notice, TextLine, Word
from ocrspool.processes.child import ChildDiedError
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.recognition.client import Process
from ocrspool.recognition.hosts import bridge_client
from ocrspool.recognition.hosts.answers import (
    check_outcome,
    outcome_from_json,
    outcome_to_json,
    report_from_json,
    report_to_json,
)
from ocrspool.recognition.page_json import decoded, encoded
from ocrspool.recognition.stub import FACTS
from support.stub_hosts import report
from support.stub_pages import BOX, encoded_text, text


def test_a_page_is_the_same_on_the_other_side() -> None:
    """Every number to its last digit."""
    word = Word("Wörd\u3042", 0.1 + 0.2, BOX)
    line = TextLine('"Wörd\u3042"', 1 / 3, BOX, 0.7, (word,), 10.123456789012345, 0.0713)
    page = replace(
        text("a"),
        lines=(line,),
        rotation=90,
        warnings=(Notice("low-confidence", "why", None, lines=(0,)),),
        engine=FACTS,
        device="gpu:1",
        rules=(((1.0, 2.0), (3.5, 4.0)),),
    )
    found = outcome_from_json(outcome_to_json(encoded(page)))
    assert isinstance(found, EncodedText)
    assert decoded(found) == page


def test_errors_are_the_same_on_the_other_side() -> None:
    """Which of the two it is decides what becomes of the job."""
    lost = outcome_from_json(outcome_to_json(DocumentError("recognition", "m", "h", stage="recognize", page=3)))
    assert isinstance(lost, DocumentError)
    assert (lost.kind, lost.message, lost.hint, lost.stage, lost.page) == ("recognition", "m", "h", "recognize", 3)
    failed = outcome_from_json(outcome_to_json(EngineError("m", "h")))
    assert isinstance(failed, EngineError)
    assert (failed.message, failed.hint) == ("m", "h")


def test_a_report_is_the_same_on_the_other_side() -> None:
    """It has the facts of engines."""
    said = report(restarts=2, leaving=True)
    assert report_from_json(report_to_json(said)) == said


@pytest.mark.parametrize(
    "said",
    [
        *("", "[]", "{}", '{"text": {}}', '{"text": {"body": 5}}', '{"engine": 1}', '{"document": {}}', "[" * 99_999),
        '{"text": {"body": "{}", "seconds": {"detect": "long"}}}',
        '{"document": {"kind": "a", "message": "b", "hint": "", "stage": "", "page": Infinity}}',
    ],
    ids=lambda said: said[:25],
)
@pytest.mark.parametrize("reads", [outcome_from_json, check_outcome])
def test_nonsense_is_refused(said: str, reads: Callable[[str], object]) -> None:
    """Another machine may say anything."""
    with pytest.raises(ValueError, match=r".*"):
        reads(said)


_FAR = outcome_to_json(encoded_text("a")).replace("30.0", "1e308")


@pytest.mark.parametrize(
    "said",
    [
        *(_FAR, _FAR.replace("1e308", "NaN"), _FAR.replace("1e308", "1e999")),
        *('{"text": {"body": "{}", "seconds": {}}}', '{"text": {"body": "[", "seconds": {}}}'),
    ],
    ids=lambda said: said[:40],
)
def test_nonsense_in_the_text_of_a_page_is_found_by_who_looks_into_it(said: str) -> None:
    """The bridge does. The service passes it on, and an assembler would find it too."""
    assert isinstance(outcome_from_json(said), EncodedText)
    with pytest.raises(ValueError, match="no text of a page"):
        check_outcome(said)


def test_nonsense_of_a_host_costs_its_page_and_not_the_bridge() -> None:
    """The bridge carries what other hosts say, too."""
    told = bridge_client._event({"page": {"number": 7, "answer": '{"text": {}}', "wire_seconds": 0.1}})
    assert isinstance(told, bridge_client.PageReturned)
    assert (told.number, told.counts) == (7, True)


@pytest.mark.parametrize("number", [float("inf"), float("nan"), "x", None, []], ids=str)
def test_nonsense_of_the_bridge_is_its_end(number: object, wake: WakeupEvent) -> None:
    class Said:
        """A bridge that has said this."""

        pid = 1

        def has_answered(self, *_: object) -> bool:
            return True

        def tell(self, *_: object) -> None:
            pass

        def receive(self, *, seconds: float) -> tuple[dict[str, object], list[int]]:
            assert seconds
            return {"returned": {"number": number, "reason": "a", "counts": True}}, []

    bridge = bridge_client.BridgeClient(Config(), cast("Process", Said()))
    with pytest.raises(ChildDiedError, match="no message"):
        bridge.next_event(1, wake)
