"""The client of a worker process: what it makes of the messages. The process is a stub, and the clock is the test's."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from ocrspool.errors import EngineError, EngineMissingError, Exit
from ocrspool.pages import Notice, PageFault, PageOptions, PageText, TextLine, Word
from ocrspool.processes.channel import Message
from ocrspool.processes.child import ChildDiedError, NoProcessError
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.recognition.client import Process, WorkerClient
from ocrspool.recognition.stub import FACTS
from ocrspool.recognition.stub_worker import StubProcess
from ocrspool.recognition.worker import STAGE_SECONDS
from support.stub_pages import NewPage

LOADED: Message = {"ready": FACTS}
CORNERS = [[0, 0], [9, 0], [9, 9], [0, 9]]


class Clock:
    """Stands still until it is told otherwise."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def client(process: StubProcess, clock: Clock | None = None, stages: list[str] | None = None) -> WorkerClient:
    on_stage = (stages if stages is not None else []).append

    def start() -> Process:
        process.tell({"op": "load"})
        return process

    return WorkerClient("worker 7", on_stage, start, clock or Clock())


def page_answer(number: int, **more: Any) -> Message:  # noqa: ANN401 - as JSON is
    page = {"number": number, "lines": [], "rotation": 0, "seconds": {}, "warnings": []}
    return {"page": {**page, **more}}


def close(new_page: NewPage) -> Any:  # noqa: ANN401
    """Make a page, closed again: the client sends it, and does not close it."""
    image = new_page()
    os.close(image.fd)
    return image


def test_it_loads_stage_by_stage() -> None:
    """Stages are passed on, and `has_loaded` returns after each, so that its caller can do other things."""
    process, stages = StubProcess([{"stage": "verifying"}, {"stage": "warming up"}, LOADED]), list[str]()
    found = client(process, stages=stages)
    assert [found.has_loaded(0) for _ in range(4)] == [False, False, True, True]
    assert stages == ["verifying", "warming up"]
    assert found.facts == FACTS


def test_each_stage_has_its_time() -> None:
    """300 s for each, not for all of them."""
    process, clock = StubProcess(), Clock()
    found = client(process, clock)
    for _ in range(5):
        clock.now += STAGE_SECONDS
        assert not found.has_loaded(0), "it may be late by nothing yet"
        process.answers.append({"stage": "loading"})
        assert not found.has_loaded(0)
    clock.now += STAGE_SECONDS + 1
    with pytest.raises(EngineError, match="worker 7 gave no answer for 300 s while loading"):
        found.has_loaded(0)
    assert process.killed


@pytest.mark.parametrize(
    ("kind", "error", "exit_code"),
    [
        ("missing", EngineMissingError, Exit.UNAVAILABLE),
        ("engine", EngineError, Exit.UNAVAILABLE),
        ("config", EngineError, Exit.CONFIG),
    ],
)
def test_an_error_of_loading_is_raised_as_what_it_was(kind: str, error: type[EngineError], exit_code: Exit) -> None:
    process = StubProcess([{"error": {"kind": kind, "message": "no such engine", "hint": "build it"}}])
    with pytest.raises(EngineError, match="no such engine") as caught:
        client(process).has_loaded(0)
    assert type(caught.value) is error
    assert (caught.value.hint, caught.value.exit_code) == ("build it", exit_code)
    assert process.closed


def test_a_process_that_dies_while_loading_is_an_error_of_the_engine() -> None:
    died = ChildDiedError("was killed by SIGKILL")
    with pytest.raises(EngineError, match="worker 7 was killed by SIGKILL while loading"):
        client(StubProcess([died])).has_loaded(0)
    process = StubProcess(killed=True)
    with pytest.raises(EngineError, match="worker 7 was killed by SIGKILL while loading"):
        client(process)


def test_a_process_that_cannot_be_started_is_an_error_of_the_engine() -> None:
    """Nothing that the supervisor's thread would die of."""

    def start() -> Process:
        raise NoProcessError("no process can be started")

    with pytest.raises(EngineError, match="worker 7 cannot be started: no process can be started"):
        WorkerClient("worker 7", lambda _: None, start)


@pytest.fixture
def reading(wake: WakeupEvent) -> Callable[..., Any]:
    """Wait for a result, noting progress."""

    def read(found: WorkerClient, seconds: float = 100) -> tuple[Any, int]:
        steps: list[int] = []
        return found.wait_for_result(seconds, wake, lambda: steps.append(1)), len(steps)

    return read


def test_pages_and_faults_come_back_by_number(new_page: NewPage, reading: Callable[..., Any]) -> None:
    line = ["text", 0.9, CORNERS, 0.8, [["text", 0.7, CORNERS]]]
    warning = ["unread-script", "a line", [0]]
    answers: list[Message | Exception] = [
        LOADED,
        {"progress": True},
        page_answer(2, lines=[line], rotation=90, seconds={"detect": 0.5}, warnings=[warning]),
        {"fault": {"number": 1, "message": "no such shape"}},
    ]
    process = StubProcess(answers)
    found = client(process)
    assert found.has_loaded(0)
    image = close(new_page)
    for number in (1, 2):
        found.send_page(number, image, PageOptions())
    assert found.pages == 2
    assert process.sent[1]["op"] == "recognize"
    assert process.sent[1]["page"] == {
        "number": 1,
        "width": 4,
        "height": 2,
        "channels": 1,
        "options": PageOptions().to_json(),
    }
    assert reading(found) == (None, 1)
    corners = ((0, 0), (9, 0), (9, 9), (0, 9))
    text = PageText(
        (TextLine("text", 0.9, corners, 0.8, (Word("text", 0.7, corners),)),),
        90,
        {"detect": 0.5},
        (Notice("unread-script", "a line", None, lines=(0,)),),
    )
    assert reading(found) == ((2, text), 1)
    assert reading(found) == ((1, PageFault("no such shape")), 1)


def test_it_has_its_time_for_each_step(new_page: NewPage, reading: Callable[..., Any]) -> None:
    """The time begins when the first page is sent after a pause, and anew with each step; more pages give no more."""
    process, clock = StubProcess([LOADED]), Clock()
    found = client(process, clock)
    found.has_loaded(0)
    clock.now = 1000
    image = close(new_page)
    found.send_page(1, image, PageOptions("off"))
    clock.now += 60
    found.send_page(2, image, PageOptions("off"))
    assert reading(found) == (None, 0)
    process.answers.append({"progress": True})
    assert reading(found) == (None, 1)
    clock.now += 99
    assert reading(found) == (None, 0)
    clock.now += 1
    with pytest.raises(ChildDiedError, match="gave no answer for 100 s"):
        reading(found)
    assert process.killed


def test_it_has_its_time_anew_where_all_processes_were_frozen(new_page: NewPage, wake: WakeupEvent) -> None:
    """A wait that takes much longer than it should tells so. A hang is still one."""

    class Frozen(StubProcess):
        """Somebody freezes everything while an answer is waited for."""

        late = 300.0

        def has_answered(self, seconds: float, wake: WakeupEvent | None = None) -> bool:
            if (found := super().has_answered(seconds, wake)) or seconds <= 0:
                return found
            clock.now += seconds + self.late
            return False

    process, clock = Frozen([LOADED]), Clock()
    found = client(process, clock)
    found.has_loaded(0)
    found.send_page(1, close(new_page), PageOptions("off"))
    renewed: list[float] = []
    for _ in range(2):
        assert found.wait_for_result(100, wake, lambda: renewed.append(clock.now)) is None
    assert renewed == [400.0, 800.0]
    process.late = 1.0
    assert found.wait_for_result(100, wake, lambda: renewed.append(clock.now)) is None
    assert len(renewed) == 2
    with pytest.raises(ChildDiedError, match="gave no answer for 100 s"):
        found.wait_for_result(100, wake, lambda: None)


def test_an_error_while_reading_is_the_engines(new_page: NewPage, reading: Callable[..., Any]) -> None:
    process = StubProcess([LOADED, {"error": {"kind": "engine", "message": "the device is lost", "hint": ""}}])
    found = client(process)
    found.has_loaded(0)
    found.send_page(1, close(new_page), PageOptions("off"))
    with pytest.raises(EngineError, match="the device is lost"):
        reading(found)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"page": {}},
        {"page": "text"},
        {"fault": "text"},
        page_answer(1, lines=[["text"]]),
        page_answer(1, lines=[["text", 1, [[0]], 1, []]]),
        page_answer(1, lines=[["text", 1, CORNERS[:3], 1, []]]),
        page_answer(1, lines=[["text", 1, CORNERS, 1, [["word"]]]]),
        page_answer(1, warnings=[["code"]]),
        page_answer(1, warnings=None),
    ],
)
def test_an_answer_that_is_none_is_the_engines_error(
    new_page: NewPage, reading: Callable[..., Any], answer: Message
) -> None:
    """The supervisor replaces the worker; its thread does not end."""
    found = client(StubProcess([LOADED, answer]))
    found.has_loaded(0)
    found.send_page(1, close(new_page), PageOptions("off"))
    with pytest.raises(EngineError, match="what is no answer"):
        reading(found)


def test_a_service_without_descriptors_replaces_the_worker(new_page: NewPage, reading: Callable[..., Any]) -> None:
    """Nothing that the supervisor's thread may die of."""
    full = OSError(24, "Too many open files")
    found = client(StubProcess([LOADED, full]))
    found.has_loaded(0)
    found.send_page(1, close(new_page), PageOptions("off"))
    with pytest.raises(EngineError, match=r"cannot be received: .*Too many open files"):
        reading(found)
    with pytest.raises(EngineError, match=r"cannot be received: .*Too many open files"):
        client(StubProcess([full])).ping(10)


def test_a_ping_is_answered_or_the_worker_is_dead() -> None:
    process = StubProcess([LOADED, {"pong": True}])
    found = client(process)
    found.has_loaded(0)
    found.ping(10)
    assert process.sent[-1] == {"op": "ping"}
    with pytest.raises(ChildDiedError, match="gave no answer for 10 s"):
        found.ping(10)


def test_it_ends_its_process() -> None:
    process = StubProcess(pid=42)
    found = client(process)
    assert (found.pid, found.resident_bytes()) == (42, 0)
    found.signal_kill()
    assert process.killed
    found.close()
    assert process.closed
