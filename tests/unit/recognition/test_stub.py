"""The stubs that ship: each behaves as it is told, and as what it stands for."""

from __future__ import annotations

import pytest

from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import PageOptions
from ocrspool.recognition.api import PageRecognizer
from ocrspool.recognition.client import Process
from ocrspool.recognition.page_json import decoded
from ocrspool.recognition.stub import FACTS, StubRecognizer
from ocrspool.recognition.stub_worker import StubProcess, StubWorker
from ocrspool.recognition.worker import Worker
from support.stub_pages import NewPage


def test_they_stand_for_what_they_are_named_after() -> None:
    """The type checker holds these lines to the Protocols."""
    recognizer: PageRecognizer = StubRecognizer()
    worker: Worker = StubWorker()
    process: Process = StubProcess()
    assert recognizer
    assert worker
    assert process


def test_a_recognizer_is_ready_between_start_and_close() -> None:
    recognizer = StubRecognizer()
    assert not recognizer.status().ready
    recognizer.start()
    assert recognizer.wait_ready() == FACTS
    assert recognizer.status().ready
    assert recognizer.status().engines[0]["workers"] == 1
    recognizer.renew()
    assert recognizer.renewals == 1
    recognizer.close()
    assert not recognizer.status().ready


def test_echo(new_page: NewPage) -> None:
    """The text is the number of the page, and the page says what has read it."""
    recognizer = StubRecognizer()
    read = recognizer.submit(new_page(7, width=20, height=10), PageOptions(), alone=True).result(0)
    (line,) = decoded(read).lines
    assert (line.text, line.polygon[2]) == ("page 7", (20.0, 10.0))
    assert (read.engine, read.device) == (FACTS, "cpu")
    assert (recognizer.submitted, recognizer.alone) == ([7], [True])


def test_each_page_may_be_treated_otherwise(new_page: NewPage) -> None:
    recognizer = StubRecognizer(lambda image: "crash" if image.number == 2 else "echo")
    first, second = (recognizer.submit(new_page(number), PageOptions("off")) for number in (1, 2))
    assert decoded(first.result(0)).lines
    with pytest.raises(EngineError, match="killed"):
        second.result(0)


def test_a_fault_is_the_pages(new_page: NewPage) -> None:
    with pytest.raises(DocumentError) as caught:
        StubRecognizer("fault").submit(new_page(3), PageOptions("off")).result(0)
    assert caught.value.page == 3


def test_slow_pages_are_answered_when_they_are_released(new_page: NewPage) -> None:
    recognizer = StubRecognizer("slow")
    future, unwanted = (recognizer.submit(new_page(number), PageOptions("off")) for number in (1, 2))
    assert not future.done()
    assert unwanted.cancel()
    recognizer.release()
    assert decoded(future.result(0)).lines[0].text == "page 1"


def test_a_page_that_hangs_is_answered_at_the_end(new_page: NewPage) -> None:
    recognizer = StubRecognizer("hang")
    future = recognizer.submit(new_page(), PageOptions("off"))
    recognizer.release()
    assert not future.done()
    recognizer.close()
    with pytest.raises(EngineError, match="stopping"):
        future.result(0)
    with pytest.raises(EngineError, match="stopping"):
        recognizer.submit(new_page(), PageOptions("off"))
