"""Our values become messages to a worker, and what it answers becomes our values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocrspool.errors import EngineError, EngineMissingError, Exit
from ocrspool.pages import EncodedText, PageOptions, ReaderOrder
from ocrspool.recognition.engine_errors import engine_error
from ocrspool.recognition.page_json import page_text
from ocrspool.recognition.protocol import page_outcome

LINE = ["text", 0.9, [[0.0, 0.0], [9.0, 0.0], [9.0, 4.0], [0.0, 4.0]], 0.8, []]


def answer(**more: object) -> dict[str, Any]:
    return {"lines": [LINE, LINE], "rotation": 0, "seconds": {}, "warnings": [], **more}


def test_what_was_measured_for_the_blocks_comes_through() -> None:
    """A line without ink that can be measured has none of it."""
    rules = [[[0.0, 9.0], [99.0, 9.0]]]
    read = page_text(answer(letters=[[11.5, 0.25], [None, None]], rules=rules))
    assert [(line.letter_height, line.stroke) for line in read.lines] == [(11.5, 0.25), (None, None)]
    assert read.rules == (((0.0, 9.0), (99.0, 9.0)),)


def test_an_answer_without_them_is_one_too() -> None:
    read = page_text(answer())
    assert [(line.letter_height, line.stroke) for line in read.lines] == [(None, None)] * 2
    assert read.rules == ()


FAR = [[1e9, 0.0], [9.0, 0.0], [9.0, 4.0], [0.0, 4.0]]


@pytest.mark.parametrize(
    "page",
    [
        {}, {"number": []}, {"number": "7"}, {"lines": 5}, {"lines": [LINE[:4]]},
        {"rules": [[[0.0, float("nan")], [1, 1]]]},
        *({"lines": [[text, *LINE[1:]]]} for text in ("\ud800", ["text"], None)),
        *({"lines": [["text", 0.9, FAR, 0.8, []]]}, {"lines": [[*LINE[:4], [["text", 0.9, FAR]]]]}),
        *({"lines": [["text", number, *LINE[2:]]]} for number in ("1", float("nan"), float("inf"), 10**400, None)),
    ],
    ids=lambda page: str(page)[:50],
)  # fmt: skip
def test_what_cannot_be_written_into_a_result_is_no_answer(page: dict[str, Any]) -> None:
    """A worker that says it is replaced. The thread that reads its answers goes on."""
    told = {"page": {"number": 7, **answer(), **page}} if page else {"page": page}
    with pytest.raises(EngineError, match="no answer"):
        page_outcome(told)


def test_an_answer_is_believed() -> None:
    number, read = page_outcome({"page": {"number": 7, **answer()}})
    assert (number, read) == (7, page_text(answer()))


@pytest.mark.parametrize("reason", [True, "a", [], {"kind": "engine"}, {"message": "a", "hint": 1}], ids=json.dumps)
def test_an_error_without_words_is_one_all_the_same(reason: object) -> None:
    assert "no answer" in engine_error(reason).message


def test_errors_are_told_apart() -> None:
    told = {"message": "a", "hint": "b"}
    assert isinstance(engine_error({**told, "kind": "missing"}), EngineMissingError)
    assert engine_error({**told, "kind": "config"}).exit_code == Exit.CONFIG
    assert engine_error({**told, "kind": "engine"}).hint == "b"


def test_the_options_of_a_page_survive_a_message() -> None:
    """A worker and a host get the value that the profile has made: JSON knows no tuples."""
    options = PageOptions("off", "characters", ReaderOrder(("tiny", "default"), 0.9, 0.1))
    assert PageOptions.from_json(json.loads(json.dumps(options.to_json()))) == options


def test_the_text_of_a_page_may_stay_as_it_was_written() -> None:
    """Where another process reads it: only the number and the seconds of the page are looked at."""
    told: dict[str, Any] = {"page": {"number": 7, "seconds": {"detect": 0.5}}, "body": json.dumps(answer()).encode()}
    assert page_outcome(told, reads=False) == (7, EncodedText(told["body"], {"detect": 0.5}))
    assert page_outcome(told) == (7, page_text(answer(seconds={"detect": 0.5})))
    assert page_outcome({**told, "body": b"?"}, reads=False) == (7, EncodedText(b"?", {"detect": 0.5}))
    with pytest.raises(EngineError, match="no answer"):
        page_outcome({**told, "body": b"?"})
    for seconds in (None, {"detect": "long"}):
        with pytest.raises(EngineError, match="no answer"):
            page_outcome({**told, "page": {"number": 7, "seconds": seconds}}, reads=False)
