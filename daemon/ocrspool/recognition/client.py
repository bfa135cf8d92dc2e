"""The real worker, as the service sees it: a process that loads an engine and then reads pages.

Loading does not block. Whoever waits for an engine may have another worker at work meanwhile.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Protocol

from ocrspool.config.assemblers import assembler_count
from ocrspool.config.schema import Config
from ocrspool.errors import EngineError
from ocrspool.pages import PageImage, PageOptions
from ocrspool.processes.channel import Message
from ocrspool.processes.child import Child, ChildDiedError
from ocrspool.processes.environment import of_workers
from ocrspool.processes.starting import Start, directly
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.recognition.engine_errors import engine_error
from ocrspool.recognition.protocol import about_engine, page_outcome
from ocrspool.recognition.worker import STAGE_SECONDS, OnStage, Outcome

_FRAME_SECONDS = 10.0
"""The time for the rest of a message that has begun to arrive."""


_LATE_SECONDS = 2.0
"""If a wait ends so much too late, this process was frozen, and the worker most likely too (`docker pause`, `systemctl
freeze`). Then the worker's time begins anew."""


class Process(Protocol):
    """What the client needs of its child process. `processes.child.Child` is one."""

    pid: int

    def ask(self, message: Message, descriptors: tuple[int, ...] = (), *, seconds: float) -> tuple[Message, list[int]]:
        """Send a request and wait for its answer. Raise ChildDiedError."""

    def tell(self, message: Message, descriptors: tuple[int, ...] = ()) -> None:
        """Send a request. Raise ChildDiedError."""

    def has_answered(self, seconds: float, wake: WakeupEvent | None = None) -> bool:
        """Wait for an answer at most so long, or until `wake` is set. Tell whether there is one."""

    def overdue(self, seconds: float) -> ChildDiedError:
        """End it and return why."""

    def receive(self, *, seconds: float) -> tuple[Message, list[int]]:
        """Wait for one more message. Raise ChildDiedError."""

    def alive(self) -> bool:
        """Tell whether it runs."""

    def resident_bytes(self) -> int:
        """Return the memory that it holds."""

    def close(self) -> None:
        """Let it end."""

    def signal_kill(self) -> None:
        """End it from another thread."""

    def kill(self) -> None:
        """End it now."""


class WorkerClient:
    """A process with an engine, or on its way to one."""

    def __init__(
        self,
        name: str,
        on_stage: OnStage,
        start: Callable[[], Process],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Let `start` start the process and ask it to load. Errors call it by its name. Raise EngineError."""
        self._name = name
        self._on_stage = on_stage
        self._clock = clock
        self.reads_texts = True
        """Whether the texts of pages are looked into. Otherwise they stay as the worker has written them."""
        self._deadline = clock() + STAGE_SECONDS
        self._facts: dict[str, Any] = {}
        self._pages = 0
        self._in_work = 0
        self._heard = 0.0
        """When the worker reported a step, or got the first page after a pause."""
        try:
            self._process = start()
        except ChildDiedError as error:
            raise EngineError(f"{self._name} {error} while loading") from error
        except OSError as error:  # no memory, no descriptors: nothing that a thread may die of
            raise EngineError(f"{name} cannot be started: {error}") from error

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def facts(self) -> Mapping[str, Any]:
        """What its engine is; empty while that loads."""
        return self._facts

    @property
    def pages(self) -> int:
        """How many pages it has been given."""
        return self._pages

    def has_loaded(self, seconds: float) -> bool:
        """Tell whether the engine is loaded. Wait at most so long. Raise EngineError: the worker is dead then."""
        if self._facts:
            return True
        if not self._process.has_answered(seconds):
            if self._clock() > self._deadline:
                self._process.kill()
                raise EngineError(f"{self._name} gave no answer for {STAGE_SECONDS:g} s while loading")
            return False
        try:
            answer, _ = self._process.receive(seconds=_FRAME_SECONDS)
        except (ChildDiedError, OSError) as error:
            raise EngineError(f"{self._name} {error} while loading") from error
        if reason := answer.get("error"):
            self._process.close()
            raise engine_error(reason)
        if "stage" in answer:
            self._deadline = self._clock() + STAGE_SECONDS
            self._on_stage(answer["stage"])
            return False
        self._facts = answer["ready"]
        return True

    def send_page(self, number: int, image: PageImage, options: PageOptions) -> None:
        """Send a page under a number. Raise ChildDiedError."""
        self._pages += 1
        self._heard = self._clock() if not self._in_work else self._heard
        self._in_work += 1
        page = {"number": number, "width": image.width, "height": image.height, "channels": image.channels}
        self._process.tell({"op": "recognize", "page": {**page, "options": _as_json(options)}}, (image.fd,))

    def wait_for_result(self, seconds: float, wake: WakeupEvent, on_progress: Callable[[], None]) -> Outcome | None:
        """Wait for a page to be done. Return None after a step of one, or once `wake` is set.

        The worker has so many seconds for each step (a page searched, a batch of lines read), not for whole pages.
        Raise ChildDiedError or EngineError.
        """
        left = self._heard + seconds - self._clock()
        if not self._process.has_answered(left, wake):
            if left <= 0:
                raise self._process.overdue(seconds)
            if self._clock() > self._heard + seconds + _LATE_SECONDS:
                self._heard = self._clock()
                on_progress()
            return None
        try:
            answer, _ = self._process.receive(seconds=_FRAME_SECONDS)
        except OSError as error:
            raise _unheard(error) from error
        self._heard = self._clock()
        if reason := answer.get("error"):
            raise engine_error(reason)
        on_progress()
        if "progress" in answer:
            return None
        self._in_work -= 1
        return page_outcome(answer, reads=self.reads_texts)

    def check(self) -> None:
        """Raise ChildDiedError where it has ended."""
        if not self._process.alive():
            raise ChildDiedError("has ended")

    def ping(self, seconds: float) -> None:
        """Ask whether it answers. Raise ChildDiedError or EngineError."""
        try:
            self._process.ask({"op": "ping"}, seconds=seconds)
        except OSError as error:
            raise _unheard(error) from error

    def resident_bytes(self) -> int:
        """Return the memory that it holds."""
        return self._process.resident_bytes()

    def close(self) -> None:
        """Let it end; kill it where it does not."""
        self._process.close()

    def signal_kill(self) -> None:
        """End it. Any thread may call this; the thread that uses the client then sees it die."""
        self._process.signal_kill()


@lru_cache(maxsize=64)
def _as_json(options: PageOptions) -> Mapping[str, Any]:
    """Return them as plain values, made once: all files of an inbox have the same."""
    return options.to_json()


def _unheard(error: OSError) -> EngineError:
    """Return what to raise where this process itself can receive nothing, for want of descriptors or memory."""
    return EngineError(f"the worker's answer cannot be received: {error}")


def asked_to_load(
    config: Config,
    device: str,
    start: Start,
    descriptors: tuple[int, ...] = (),
    module: str = "ocrspool.recognition.child",
) -> Child:
    """Start a worker process and ask it to load the engine for a device. Raise ChildDiedError or OSError."""
    environment = of_workers(os.environ, config.paths.cache, keeps_memory=device != "cpu")
    child = Child(module, environment, start=start)
    child.tell(about_engine("load", config, device), descriptors)
    return child


def start_worker(
    name: str, config: Config, device: str, on_stage: OnStage, start_process: Start = directly
) -> WorkerClient:
    """Start a worker process that loads the engine for a device. Raise EngineError."""
    client = WorkerClient(name, on_stage, lambda: asked_to_load(config, device, start_process))
    client.reads_texts = not assembler_count(config)
    return client
