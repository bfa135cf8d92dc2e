"""The worker process, in a thread of the test: requests over a real socket, and an engine that does as it is told."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from ocrspool.engine_request import EngineRequest, Settings
from ocrspool.errors import (
    ConfigError,
    DeviceLostError,
    DeviceMemoryError,
    EngineError,
    EngineMissingError,
    OcrspoolError,
)
from ocrspool.pages import Notice, PageText, TextLine, Word
from ocrspool.processes.channel import Channel, Message
from ocrspool.recognition.child.worker import OnStage, Worker
from ocrspool.recognition.stub import FACTS

SECONDS = 30
DESCRIPTORS = Path("/proc/self/fd")
CORNERS = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
WORD = Word("text", 0.7, CORNERS)
READ = PageText(
    (TextLine("text", 0.9, CORNERS, 0.8, (WORD,), letter_height=11.5, stroke=0.25, reader="default"),),
    180,
    {"detect": 0.5},
    (Notice("ink", "left", None, lines=(0,)),),
    rules=(((0.0, 9.0), (99.0, 9.0)),),
    finder="default",
)


class Engine:
    """Reads each page as the test says: a text at once, an error, or whenever the test ends its future."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = FACTS
        self.outcome: PageText | Exception | Future[PageText] = READ
        self.sound: bool | Exception = True
        self.closed = False
        self.submitted: list[dict[str, Any]] = []
        self.on_progress: Callable[[], None] = lambda: None

    def submit(self, descriptor: int, page: dict[str, Any], on_progress: Callable[[], None]) -> Future[PageText]:
        os.fstat(descriptor)
        self.submitted.append(page)
        self.on_progress = on_progress
        if isinstance(self.outcome, Future):
            return self.outcome
        future = Future[PageText]()
        if isinstance(self.outcome, Exception):
            future.set_exception(self.outcome)
        else:
            future.set_result(self.outcome)
        return future

    def still_reads(self) -> bool:
        if isinstance(self.sound, Exception):
            raise self.sound
        return self.sound

    def close(self) -> None:
        self.closed = True


class Engines:
    """Loads one engine, or raises."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.error: Exception | None = None
        self.requests: list[EngineRequest] = []
        self.joined = False
        self.built: dict[str, Any] = {}

    def load(self, request: EngineRequest, on_stage: OnStage) -> Engine:
        self.requests.append(request)
        on_stage("verifying")
        if self.error is not None:
            raise self.error
        return self.engine

    def join(self, request: EngineRequest, connection: int, on_stage: OnStage) -> Engine:
        os.fstat(connection)
        self.joined = True
        return self.load(request, on_stage)

    def build(self, request: EngineRequest, on_stage: OnStage, *, force: bool, source: str | None) -> dict[str, Any]:
        self.requests.append(request)
        on_stage("building")
        self.built = {"force": force, "source": source}
        return {"new": True}


class Service:
    """The other end: asks, and hears."""

    def __init__(self, engines: Engines) -> None:
        ours, theirs = socket.socketpair()
        self.engines = engines
        self.now = 0.0
        self._channel = Channel(ours)
        self._theirs = theirs
        self._thread = threading.Thread(target=Worker(Channel(theirs), engines, lambda: self.now).serve)
        self._thread.start()

    def tell(self, message: Message, *descriptors: int) -> None:
        self._channel.send(message, descriptors)

    def hear(self) -> Message:
        return self._channel.receive(SECONDS)[0]

    def ask(self, message: Message, *descriptors: int) -> Message:
        self.tell(message, *descriptors)
        return self.hear()

    def load(self) -> Message:
        assert self.ask(about("load")) == {"stage": "verifying"}
        return self.hear()

    def read(self, number: int = 5, *descriptors: int) -> Message:
        """Send a page, whose pixels are this test's standard error: the engine does not look at them."""
        page = {"number": number, "width": 3, "height": 2, "channels": 1, "options": {"orientation": "off"}}
        return self.ask({"op": "recognize", "page": page}, *(descriptors or (2,)))

    def close(self) -> None:
        self._channel.close()
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()
        self._theirs.close()


def about(op: str, **more: object) -> Message:
    request = EngineRequest(cache="/cache", settings=Settings(threads=3))
    return {"op": op, "engine": request.to_json(), "log": {"level": "error", "form": "plain"}, **more}


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """The worker sets up the log of its process, which is the test's here."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


@pytest.fixture
def service() -> Iterator[Service]:
    """A worker that waits for requests."""
    found = Service(Engines())
    yield found
    found.close()


def error_of(answer: Message) -> tuple[str, str]:
    return answer["error"]["kind"], answer["error"]["message"]


def test_it_loads_the_engine_that_was_asked_for(service: Service) -> None:
    assert service.load() == {"ready": FACTS}
    assert service.engines.requests == [EngineRequest(cache="/cache", settings=Settings(threads=3))]


def test_with_a_socket_it_joins_the_engine_of_another_process(service: Service) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert service.ask(about("load"), theirs.fileno()) == {"stage": "verifying"}
    assert service.hear() == {"ready": FACTS}
    assert service.engines.joined


def test_it_ends_with_its_channel() -> None:
    """And with it the threads of the engine."""
    service = Service(Engines())
    service.load()
    service.close()
    assert service.engines.engine.closed


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (EngineMissingError("not there"), "missing", "not there"),
        (ConfigError(["wrong"]), "config", "wrong"),
        (EngineError("damaged"), "engine", "damaged"),
        (ValueError("oops"), "engine", "the engine failed: ValueError('oops')"),
    ],
)
def test_what_keeps_an_engine_from_loading_is_told(service: Service, error: Exception, kind: str, message: str) -> None:
    """And the process goes on: the service decides."""
    service.engines.error = error
    assert error_of(service.load()) == (kind, message)
    assert service.ask({"op": "ping"}) == {"pong": True}


def test_a_cache_that_may_not_be_read_is_told_with_advice(service: Service) -> None:
    service.engines.error = PermissionError(13, "Permission denied", "/cache/engines")
    answer = service.load()
    assert "/cache/engines" in answer["error"]["message"]
    assert answer["error"]["hint"]


def test_it_builds(service: Service) -> None:
    assert service.ask(about("build", force=True, source="https://models")) == {"stage": "building"}
    assert service.hear() == {"built": {"new": True}}
    assert service.engines.built == {"force": True, "source": "https://models"}


def test_a_page_is_answered_by_its_number(service: Service) -> None:
    service.load()
    answer, corners = service.read(5), [list(corner) for corner in CORNERS]
    body = answer.pop("body")
    assert answer == {"page": {"number": 5, "seconds": {"detect": 0.5}}}
    assert json.loads(body) == {
        "lines": [["text", 0.9, corners, 0.8, [["text", 0.7, corners]]]],
        "rotation": 180,
        "warnings": [["ink", "left", [0]]],
        "readers": ["default"],
        "letters": [[11.5, 0.25]],
        "rules": [[[0.0, 9.0], [99.0, 9.0]]],
        "finder": "default",
    }
    assert service.engines.engine.submitted[0]["options"] == {"orientation": "off"}


def test_requests_are_answered_while_a_page_is_in_work(service: Service) -> None:
    """The page is answered by whichever thread has read the last of it."""
    service.load()
    slow = service.engines.engine.outcome = Future[PageText]()
    page = {"number": 1, "width": 3, "height": 2, "channels": 1, "options": {"orientation": "off"}}
    service.tell({"op": "recognize", "page": page}, 2)
    assert service.ask({"op": "ping"}) == {"pong": True}
    slow.set_result(READ)
    assert service.hear()["page"]["number"] == 1


def test_progress_is_told_now_and_then(service: Service) -> None:
    """Five times a second at most, however many steps there are."""
    service.load()
    slow = service.engines.engine.outcome = Future[PageText]()
    page = {"number": 1, "width": 3, "height": 2, "channels": 1, "options": {"orientation": "off"}}
    service.tell({"op": "recognize", "page": page}, 2)
    assert service.ask({"op": "ping"}) == {"pong": True}
    for service.now in (0.0, 0.1, 0.19, 0.2, 0.3, 0.41):
        service.engines.engine.on_progress()
    slow.set_result(READ)
    told = [service.hear() for _ in range(4)]
    assert told[:3] == [{"progress": True}] * 3
    assert "page" in told[3]


def test_a_page_that_cannot_be_read_is_its_own_fault_where_the_engine_is_in_order(service: Service) -> None:
    service.load()
    service.engines.engine.outcome = ValueError("cannot reshape\n  array")
    assert service.read(4) == {"fault": {"number": 4, "message": "ValueError: cannot reshape array"}}
    service.engines.engine.outcome = EngineError("no such shape" + "x" * 1000)
    assert len(service.read(5)["fault"]["message"]) == 300
    service.engines.engine.outcome = READ
    assert service.read(6)["page"]["number"] == 6


def test_it_is_the_engines_fault_where_the_known_page_is_read_wrongly(service: Service) -> None:
    service.load()
    service.engines.engine.outcome = IndexError("list index out of range")
    service.engines.engine.sound = False
    kind, message = error_of(service.read())
    assert kind == "engine"
    assert "IndexError: list index out of range" in message
    assert "reads the known page wrongly" in message


def test_it_is_the_engines_fault_where_the_known_page_cannot_be_read(service: Service) -> None:
    service.load()
    service.engines.engine.outcome = IndexError("list index out of range")
    service.engines.engine.sound = DeviceLostError("the GPU has gone")
    assert error_of(service.read()) == ("engine", "the GPU has gone")


@pytest.mark.parametrize("error", [DeviceLostError("lost"), DeviceMemoryError("no memory")])
def test_a_device_that_is_lost_or_full_needs_no_further_proof(service: Service, error: OcrspoolError) -> None:
    """A new process is what helps, so the known page is not read."""
    service.load()
    service.engines.engine.outcome = error
    service.engines.engine.sound = AssertionError("it was read")
    assert error_of(service.read()) == ("engine", error.message)


def test_without_an_engine_no_page_is_read(service: Service) -> None:
    assert error_of(service.read()) == ("engine", "no engine is loaded")


@pytest.mark.parametrize("descriptors", [(), (2, 2)])
def test_a_page_has_one_descriptor(service: Service, descriptors: tuple[int, ...]) -> None:
    """Whatever else comes is closed, and costs the page."""
    service.load()
    before = len(list(DESCRIPTORS.iterdir()))
    page = {"number": 1, "width": 3, "height": 2, "channels": 1, "options": {"orientation": "off"}}
    answer = service.ask({"op": "recognize", "page": page}, *descriptors)
    assert answer["fault"]["number"] == 1
    assert service.ask({"op": "ping"}) == {"pong": True}
    assert len(list(DESCRIPTORS.iterdir())) == before
