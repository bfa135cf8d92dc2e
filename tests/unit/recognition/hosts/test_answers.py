"""What hosts say survives the way, and nonsense is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import Notice, TextLine, Word
from ocrspool.recognition.hosts.answers import (
    outcome_from_json,
    outcome_to_json,
    report_from_json,
    report_to_json,
)
from ocrspool.recognition.stub import FACTS
from support.stub_hosts import report
from support.stub_pages import BOX, text


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
    assert outcome_from_json(outcome_to_json(page)) == page


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
    "said", ["", "[]", "{}", '{"text": {}}', '{"text": {"lines": 5}}', '{"engine": 1}', '{"document": {}}']
)
def test_nonsense_is_refused(said: str) -> None:
    """Another machine may say anything."""
    with pytest.raises(ValueError, match=r".*"):
        outcome_from_json(said)
