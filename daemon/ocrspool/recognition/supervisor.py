"""The place of one worker in the pool: a thread that keeps a process in it, feeds it pages and replaces it.

The process always has some pages in work, where there are any: it gets the next one when one has been read.

A process that dies or hangs is replaced at once. One that has grown is replaced without a pause: its successor loads
beside it and takes over when it can, where there is memory for two.
"""

from __future__ import annotations

import itertools
import logging
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ocrspool.config.schema import Config
from ocrspool.errors import DocumentError, EngineError
from ocrspool.machine import memory
from ocrspool.pages import PageFault, PageImage, PageText
from ocrspool.processes.child import ChildDiedError
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.recognition.client import STAGE_SECONDS, WorkerClient

_log = logging.getLogger(__name__)

_LONGEST_PAUSE = 60.0
_LOADING_STEP_SECONDS = 0.1
_PING_SECONDS = 10.0
"""An idle worker is asked so often whether it still answers, and has as long to do so."""
_TRIES_OF_A_PAGE = 2
"""Once may be chance, or another page's fault: of one whose lines were in the same batch."""
_SLACK_SECONDS = 10.0
"""Past the end of any wait, before the thread that waits counts as stuck."""


@dataclass(slots=True)
class PageTask:
    """A page that waits for a worker, or is with one."""

    image: PageImage
    orientation: str
    alone: bool
    future: Future[PageText] = field(default_factory=Future)
    begun: bool = False
    """Whether a worker has had it, so that its future cannot be cancelled any more."""
    faults: int = 0
    """How often reading it raised an error, in an engine that was in order."""

    @property
    def size(self) -> int:
        """Bytes of its pixels."""
        return self.image.width * self.image.height * self.image.channels


class Pool(Protocol):
    """What a seat needs of the pool."""

    @property
    def closed(self) -> bool:
        """Whether no more pages come."""

    @property
    def config(self) -> Config:
        """What the workers are to load."""

    def take(self, most: int) -> list[PageTask]:
        """Return pages that wait, for a worker that has some already."""

    def wait_and_take(self, most: int, seconds: float) -> list[PageTask]:
        """Return pages for a worker that has none; wait for them."""

    def complete(self, page: PageTask, outcome: PageText | DocumentError | EngineError) -> None:
        """Hand out what became of a page."""

    def again(self, page: PageTask) -> None:
        """Have a page tried once more, alone."""

    def wait_closed(self, seconds: float) -> None:
        """Wait so long, or until the pool closes."""

    def count_restart(self) -> None:
        """Count a worker that had to be replaced for a failure."""

    def stage(self, text: str) -> None:
        """Pass on what a worker that is loading is doing."""


class WorkerSupervisor:
    """The place of one worker: a thread that keeps a process in it."""

    def __init__(self, pool: Pool, number: int, device: str) -> None:
        self._pool = pool
        self._number = number
        self._device = device
        self._thread = threading.Thread(target=self._run, name=f"worker-{number}")
        self.wake = WakeupEvent()
        """Set by the pool when there are more pages."""
        self.worker: WorkerClient | None = None
        self._successor: WorkerClient | None = None
        """Loads beside the worker, and takes its place."""
        self._next_successor = 0.0
        """When another one may be tried, on the monotonic clock."""
        self._in_work: dict[int, PageTask] = {}
        """What the worker has, by number."""
        self._numbers = itertools.count(1)
        self._draining = False
        """Whether the worker gets no more pages, because another is to take its place."""
        self.renew_wanted = False
        self.settled = threading.Event()
        self.problem: EngineError | None = None
        self.facts: dict[str, Any] = {}
        self.loaded = False
        self.deadline = math.inf
        """When this thread has to have got on, on the monotonic clock, or is stuck."""

    @property
    def uses_cpu_fallback(self) -> bool:
        """Whether it was to be a GPU, and is not."""
        return self._device != "cpu" and self.facts.get("device") == "cpu"

    @property
    def reads_on(self) -> str:
        """The device that reads: not the one that was wanted where a CPU stands in for it."""
        return "cpu" if self.facts.get("device") == "cpu" else self._device

    def start(self) -> None:
        """Start the thread, which starts a process."""
        self._thread.start()

    def stop(self) -> None:
        """Kill the processes, if they are at work, and wait for the thread."""
        for process in (self.worker, self._successor):
            if process is not None:
                process.signal_kill()
        if self._thread.ident is not None:
            self._thread.join()
        self.wake.close()

    def _run(self) -> None:
        pause = 1.0
        while not self._pool.closed:
            try:
                self._load()
            except EngineError as error:
                self.problem = error
                if not self.settled.is_set():  # at start: the service decides
                    self.settled.set()
                    return
                _log.error("worker %d cannot load its engine: %s; next try in %.0f s", self._number, error, pause)
                self._set_deadline(pause)
                self._pool.wait_closed(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            pause = 1.0
            self.settled.set()
            self._work()
            self.loaded = False
        for process in (self.worker, self._successor):
            if process is not None:
                process.close()

    def _load(self) -> None:
        """Put a process with an engine into the place: the one that loads already, or a new one. Raise EngineError."""
        self._set_deadline(STAGE_SECONDS)
        process, self._successor = self._successor or self._started(self._on_stage), None
        self.worker = process
        while not process.has_loaded(_LOADING_STEP_SECONDS):
            pass
        self._take_over(process)

    def _started(self, on_stage: Callable[[str], None]) -> WorkerClient:
        return WorkerClient(f"worker {self._number}", self._pool.config, self._device, on_stage)

    def _take_over(self, process: WorkerClient) -> None:
        self.worker, self.facts, self.loaded, self.problem = process, process.facts, True, None
        self.renew_wanted = False

    def _on_stage(self, text: str) -> None:
        self._set_deadline(STAGE_SECONDS)
        self._pool.stage(text)

    def _work(self) -> None:
        """Feed the process until the pool closes or the process has to be replaced by one that is not there yet."""
        while not self._pool.closed:
            worker = self.worker
            assert worker is not None  # noqa: S101 - for the type checker
            try:
                self._give(worker)
                if self._in_work:
                    if not self._hear(worker):
                        continue
                else:  # one that does not answer is found before the next file is
                    worker.ping(_PING_SECONDS)
            except ChildDiedError as error:
                pages = self._lose(EngineError(f"the worker {error}"))
                if not self._pool.closed:
                    _log.warning("worker %d %s with %d pages; starting another", self._number, error, pages)
            except EngineError as error:
                # Whatever it was (no memory, a device that is gone, a library in disorder), a new process begins
                # afresh, and is known to work, because it reads the known page first. Loading takes a second.
                worker.close()
                self._lose(error)
                _log.warning("worker %d: %s; starting another", self._number, error)
            if not worker.alive():
                self._pool.count_restart()
                return
            if not self._goes_on(worker):
                return
        self._lose(EngineError("the service is stopping"))

    def _give(self, worker: WorkerClient) -> None:
        """Give the worker the pages that it has room for; wait for some where it has none."""
        most = self._pool.config.service.batch_pages
        if not self._in_work:
            self._set_deadline(_PING_SECONDS)
            pages = self._pool.wait_and_take(most, _LOADING_STEP_SECONDS if self._successor else _PING_SECONDS)
        elif self._draining or any(page.alone for page in self._in_work.values()):
            return
        else:
            pages = self._pool.take(most - len(self._in_work))
        given = {number: page for page, number in zip(pages, self._numbers, strict=False)}
        self._in_work |= given
        for number, page in given.items():
            worker.send_page(number, page.image, page.orientation)

    def _hear(self, worker: WorkerClient) -> bool:
        """Wait for the worker's news, or for more pages to give to it. Tell whether it has done with a page."""
        seconds = self._pool.config.service.worker_seconds
        if (told := worker.wait_for_result(seconds, self.wake, lambda: self._set_deadline(seconds))) is not None:
            number, outcome = told
            page = self._in_work.pop(number)
            if isinstance(outcome, PageFault):
                self._take_back(page, outcome)
            else:
                self._pool.complete(page, replace(outcome, engine=self.facts, device=self.reads_on))
        return told is not None

    def _take_back(self, page: PageTask, fault: PageFault) -> None:
        """Try a page that could not be read once more, alone; then it is lost, and the worker goes on."""
        page.faults += 1
        if page.faults < _TRIES_OF_A_PAGE:
            _log.warning("worker %d could not read a page, which is tried once more: %s", self._number, fault.message)
            self._pool.again(page)
            return
        lost = DocumentError(
            "recognition",
            f"reading this page failed {page.faults} times: {fault.message}",
            "this is a fault of the program, not of the page; the log has where it happened; please report it",
            stage="recognize",
            page=page.image.number,
        )
        self._pool.complete(page, lost)

    def _lose(self, error: EngineError) -> int:
        """Say of all pages in work that they could not be read. Return how many there were."""
        lost, self._in_work = self._in_work, {}
        for page in lost.values():
            self._pool.complete(page, error)
        return len(lost)

    def _goes_on(self, worker: WorkerClient) -> bool:
        """Replace a worker that has grown by a successor that loads beside it. False when it has to load after it.

        Either way it first reads what it has, and gets no more.
        """
        try:
            if self._successor is not None:
                self._draining = self._successor.has_loaded(0)
            elif self._has_grown(worker) and time.monotonic() >= self._next_successor:
                self._draining = not self._has_room_beside(worker)
                self._successor = None if self._draining else self._started(lambda _: None)
        except EngineError as error:
            self._successor = None
            self._next_successor = time.monotonic() + _LONGEST_PAUSE
            _log.error("worker %d goes on, because the next one cannot load its engine: %s", self._number, error)
        if not self._draining or self._in_work:
            return True
        self._draining = False
        if self._successor is None:
            _log.info("worker %d is replaced after %d pages, and memory is short", self._number, worker.pages)
            worker.close()
            return False
        successor, self._successor = self._successor, None
        self._take_over(successor)
        worker.close()
        _log.info("worker %d was replaced after %d pages", self._number, worker.pages)
        return True

    def _has_grown(self, worker: WorkerClient) -> bool:
        service = self._pool.config.service
        held = worker.resident_bytes()
        return self.renew_wanted or worker.pages >= service.worker_pages or held > service.worker_memory_mb << 20

    def _has_room_beside(self, worker: WorkerClient) -> bool:
        """Tell whether a second one may be as large as this one without making memory short."""
        least = self._pool.config.limits.free_memory_mb << 20
        return memory.available_bytes() - worker.resident_bytes() >= least

    def _set_deadline(self, seconds: float) -> None:
        """Promise to get on within so long."""
        self.deadline = time.monotonic() + seconds + _SLACK_SECONDS
