"""Answers the service: requests in, stages, pages, faults and errors out. The messages are in `__init__.py`."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

from ocrspool.engine_request import EngineRequest
from ocrspool.errors import (
    DeviceLostError,
    DeviceMemoryError,
    EngineError,
    OcrspoolError,
)
from ocrspool.observability import log_setup
from ocrspool.processes.channel import BODY, Channel, ChannelClosedError, Message
from ocrspool.recognition.child.failures import failure
from ocrspool.recognition.page_json import body_of

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ocrspool.pages import PageText

_log = logging.getLogger(__name__)

OnStage = Callable[[str], None]

_PROGRESS_SECONDS = 0.2
_MOST_SAID = 300
"""Characters of what an error says of a page."""


class Engine(Protocol):
    """An engine that is loaded."""

    facts: dict[str, Any]

    def submit(self, descriptor: int, page: dict[str, Any], on_progress: Callable[[], None]) -> Future[PageText]:
        """Begin to read the pixels in a memory file."""

    def still_reads(self) -> bool:
        """Tell whether it reads the known page as it should."""

    def close(self) -> None:
        """End its threads."""


class Engines(Protocol):
    """Loads and builds engines."""

    def load(self, request: EngineRequest, on_stage: OnStage) -> Engine:
        """Load an engine. Raise what keeps it from being loaded."""

    def join(self, request: EngineRequest, connection: int, on_stage: OnStage) -> Engine:
        """Use the engine of the process at the other end of a socket. Raise what kept it from being loaded."""

    def build(self, request: EngineRequest, on_stage: OnStage, *, force: bool, source: str | None) -> dict[str, Any]:
        """Build an engine. Return its facts. Raise what keeps it from being built."""


class Worker:
    """Answers one service."""

    def __init__(self, channel: Channel, engines: Engines, clock: Callable[[], float] = time.monotonic) -> None:
        self._channel = channel
        self._engines = engines
        self._clock = clock
        self._sending = threading.Lock()
        self._engine: Engine | None = None
        self._doubts = ThreadPoolExecutor(1, thread_name_prefix="doubt")
        """Reads the known page, while the threads of the engine go on with their pages."""
        self._told = -_PROGRESS_SECONDS
        """When progress was last reported."""

    def serve(self) -> None:
        """Answer until the service goes away."""
        answers = {"load": self._load, "build": self._build, "ping": self._ping, "recognize": self._recognize}
        with contextlib.suppress(ChannelClosedError):
            while True:
                request, descriptors = self._channel.receive()
                try:
                    answers[request["op"]](request, descriptors)
                except Exception as error:  # noqa: BLE001 - the engine's libraries raise anything; the service decides what follows
                    self._send_error(error)
                finally:
                    for descriptor in descriptors:
                        os.close(descriptor)
        self._doubts.shutdown(cancel_futures=True)
        if self._engine is not None:
            self._engine.close()

    def _load(self, request: Message, descriptors: list[int]) -> None:
        log_setup.set_up(**request["log"])
        wanted = EngineRequest.from_json(request["engine"])
        if descriptors:
            self._engine = self._engines.join(wanted, descriptors[0], self._stage)
        else:
            self._engine = self._engines.load(wanted, self._stage)
        self._send({"ready": self._engine.facts})

    def _build(self, request: Message, _: list[int]) -> None:
        log_setup.set_up(**request["log"])
        wanted, force, source = EngineRequest.from_json(request["engine"]), request["force"], request["source"]
        self._send({"built": self._engines.build(wanted, self._stage, force=force, source=source)})

    def _ping(self, _request: Message, _: list[int]) -> None:
        self._send({"pong": True})

    def _recognize(self, request: Message, descriptors: list[int]) -> None:
        """Begin with a page. Whichever thread has read the last of it sends the answer."""
        if self._engine is None:
            raise OcrspoolError("no engine is loaded")
        page = request["page"]
        number = page["number"]
        try:
            (descriptor,) = descriptors
            reading = self._engine.submit(descriptor, page, self._progress)
        except Exception as error:  # noqa: BLE001 - whatever it is, it came of this page
            self._doubt(self._engine, number, error)
        else:
            engine = self._engine
            reading.add_done_callback(lambda done: self._send_page(engine, number, done))

    def _progress(self) -> None:
        """Report a step. Where there are hundreds in a second, most are left out: reporting would cost as much."""
        now = self._clock()
        if now - self._told >= _PROGRESS_SECONDS:
            self._told = now
            with contextlib.suppress(ChannelClosedError):
                self._send({"progress": True})

    def _stage(self, text: str) -> None:
        self._send({"stage": text})

    def _send_page(self, engine: Engine, number: int, done: Future[PageText]) -> None:
        """Send what became of a page. The thread goes on if the service has gone; `serve` notices that."""
        with contextlib.suppress(ChannelClosedError):
            try:
                text = done.result()
                self._send({"page": {"number": number, "seconds": text.seconds}, BODY: body_of(text)})
            except ChannelClosedError:
                raise
            except Exception as error:  # noqa: BLE001 - of the recognizer, or of what cannot be sent
                self._doubt(engine, number, error)

    def _doubt(self, engine: Engine, number: int, error: Exception) -> None:
        """Find out whether the page or the engine is at fault that the page was not read, and send that."""
        if isinstance(error, (DeviceLostError, DeviceMemoryError)):  # a new process is what helps
            self._send_error(error)
            return
        _log.error("a page could not be read", exc_info=error)
        try:
            self._doubts.submit(self._decide, engine, number, error)
        except RuntimeError as other:  # no thread could be started
            self._send_error(other)

    def _decide(self, engine: Engine, number: int, error: Exception) -> None:
        """Send that the page is at fault where the engine still reads the known page, else that the engine is.

        The error itself says nothing of that: a net in disorder can make our own Python fail.
        """
        with contextlib.suppress(ChannelClosedError):
            try:
                sound = engine.still_reads()
            except Exception as other:  # noqa: BLE001 - an engine in disorder raises anything
                self._send_error(other)
                return
            if sound:
                self._send({"fault": {"number": number, "message": _in_one_line(error)}})
            else:
                failed = f"after an error of a page ({_in_one_line(error)}) the engine reads the known page wrongly"
                self._send_error(EngineError(failed, "the worker is replaced"))

    def _send_error(self, error: BaseException) -> None:
        self._send(failure(error))

    def _send(self, message: Message) -> None:
        with self._sending:
            self._channel.send(message)


def _in_one_line(error: Exception) -> str:
    told = error.message if isinstance(error, OcrspoolError) else f"{type(error).__name__}: {error}"
    return " ".join(told.split())[:_MOST_SAID]
