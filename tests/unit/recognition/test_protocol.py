"""Our values become messages to a worker, and what it answers becomes our values."""

from __future__ import annotations

import json
from typing import Any

from ocrspool.pages import PageOptions, ReaderOrder
from ocrspool.recognition.protocol import page_text

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


def test_the_options_of_a_page_survive_a_message() -> None:
    """A worker and a host get the value that the profile has made: JSON knows no tuples."""
    options = PageOptions("off", "characters", ReaderOrder(("tiny", "default"), 0.9, 0.1))
    assert PageOptions.from_json(json.loads(json.dumps(options.to_json()))) == options
