"""Keeps one worker running: a thread that starts it, feeds it pages and replaces it.

The worker always has some pages in work, if there are any. It gets the next page when one has been read. A worker that
dies or hangs is replaced at once; a worker that has grown is replaced without a pause (succession.py). The supervisor
takes pages from the queue and reports what happens. It knows nothing of the pool.
"""

from __future__ import annotations

import itertools
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ocrspool.config.current import CurrentConfig
from ocrspool.errors import EngineError
from ocrspool.machine import memory
from ocrspool.pages import PageFault
from ocrspool.processes.backoff import Backoff
from ocrspool.processes.child import ChildDiedError
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.recognition.page_queue import PageQueue, PageTask, stopping
from ocrspool.recognition.succession import Succession
from ocrspool.recognition.worker import STAGE_SECONDS, Launch, ReadyWorker, Worker, WorkerEvents

_log = logging.getLogger(__name__)

_LONGEST_PAUSE = 60.0
_LOADING_STEP_SECONDS = 0.1
_SLACK_SECONDS = 10.0
"""A thread that waits counts as stuck so long after the end of its wait."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How a supervisor measures time and memory. Tests measure otherwise."""

    clock: Callable[[], float] = time.monotonic
    available_bytes: Callable[[], int] = memory.available_bytes
    ping_seconds: float = 10.0
    """An idle worker is asked so often whether it still answers, and has as long to do so."""


SYSTEM = Timing()
"""By the clock and the memory of this machine."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which of the workers it is, on which device, and by which configuration."""

    number: int
    device: str
    live: CurrentConfig


class WorkerSupervisor:
    """Keeps a worker in one place."""

    def __init__(
        self,
        place: Place,
        queue: PageQueue,
        events: WorkerEvents,
        launch: Launch,
        timing: Timing = SYSTEM,
    ) -> None:
        self._number = number = place.number
        self._device = place.device
        self._live = place.live
        self._queue = queue
        self._events = events
        self._launch = launch
        self._timing = timing
        self._thread = threading.Thread(target=self.run, name=f"worker-{number}", daemon=True)
        self._wake = WakeupEvent()
        self._succession = Succession(
            f"worker {number}", place.live, lambda: launch(lambda _: None), timing.clock, timing.available_bytes
        )
        self._worker: Worker | None = None
        self._in_work: dict[int, PageTask] = {}
        """The pages that the worker has, by number."""
        self._numbers = itertools.count(1)
        self._deadline = math.inf
        """When this thread has to have made progress, or is stuck."""

    def start(self) -> None:
        """Start the thread, which starts a worker."""
        self._thread.start()

    def renew(self) -> bool:
        """Have a worker replaced that has read anything since it loaded. Tell whether it is."""
        if self._worker is None or not self._worker.pages:
            return False
        self._succession.renew()
        return True

    def responsive(self) -> bool:
        """Tell whether the thread waits no longer than it may."""
        return self._timing.clock() < self._deadline

    def pids(self) -> tuple[int, ...]:
        """Return the process id of the worker, also of one that still loads."""
        worker = self._worker
        return () if worker is None else (worker.pid,)

    def stop(self) -> None:
        """Kill the worker and wait for the thread. The queue is closed by now."""
        self._wake.set()
        for process in (self._worker, self._succession.successor):
            if process is not None:
                process.signal_kill()
        if self._thread.ident is not None:
            self._thread.join()
        self._wake.close()

    def run(self) -> None:
        """Keep a worker running until the queue is closed, or until the first one cannot load: that ends the start."""
        pauses, has_loaded = Backoff(1.0, _LONGEST_PAUSE), False
        while not self._queue.closed:
            try:
                worker = self._loaded()
            except EngineError as error:
                self._events.lost(self._number, error)
                if not has_loaded:
                    return
                pause = pauses.next()
                _log.error("worker %d cannot load its engine: %s; next try in %.0f s", self._number, error, pause)
                self._set_deadline(pause)
                self._queue.wait_closed(pause)
                continue
            pauses.reset()
            has_loaded = True
            self._work(worker)
        for process in (self._worker, self._succession.take()):
            if process is not None:
                process.close()

    def _loaded(self) -> Worker:
        """Return a worker that has loaded: the successor that loads already, or a new one. Raise EngineError."""
        self._set_deadline(STAGE_SECONDS)
        worker = self._succession.take() or self._launch(self._on_loading)
        self._worker = worker
        while not worker.has_loaded(_LOADING_STEP_SECONDS):
            pass
        return self._announced(worker)

    def _announced(self, worker: Worker) -> Worker:
        self._worker = worker
        self._events.ready(self._number, self._described(worker))
        return worker

    def _described(self, worker: Worker) -> ReadyWorker:
        on_cpu = worker.facts.get("device") == "cpu"
        return ReadyWorker(worker.pid, worker.facts, "cpu" if on_cpu else self._device)

    def _on_loading(self, stage: str) -> None:
        self._set_deadline(STAGE_SECONDS)
        self._events.stage(stage)

    def _work(self, worker: Worker) -> None:
        """Feed the worker until the queue is closed, or until there is no worker."""
        while not self._queue.closed:
            try:
                self._feed(worker)
                if not self._in_work:  # a worker that does not answer is found before the next file is
                    worker.ping(self._timing.ping_seconds)
                elif not self._receive(worker):
                    continue
            except (ChildDiedError, EngineError) as error:
                # Whatever it was (no memory, a device that is gone, a library in disorder), a new process begins
                # afresh, and is known to work, because it reads the known page first. Loading takes a second.
                self._replace_failed(worker, error)
                return
            self._succession.proceed(worker)
            if self._succession.draining and not self._in_work:
                successor = self._replace_grown(worker)
                if successor is None:
                    return
                worker = successor
        self._fail_pages(stopping())

    def _feed(self, worker: Worker) -> None:
        """Send the pages that the worker has room for. Wait for some where it has none."""
        most = self._live.config.service.batch_pages
        if not self._in_work:
            self._set_deadline(self._timing.ping_seconds)
            step = _LOADING_STEP_SECONDS if self._succession.successor else self._timing.ping_seconds
            tasks = self._queue.wait_and_take(most, step, self._wake)
            self._check(worker, tasks)
        elif self._succession.draining or any(task.alone for task in self._in_work.values()):
            self._queue.take(0, wake=self._wake)  # a page that it was woken up for is another worker's
            return
        else:
            tasks = self._queue.take(most - len(self._in_work), wake=self._wake)
        sent = {number: task for task, number in zip(tasks, self._numbers, strict=False)}
        self._in_work |= sent
        for number, task in sent.items():
            worker.send_page(number, task.image, task.options)

    def _check(self, worker: Worker, tasks: list[PageTask]) -> None:
        """Give pages back where the worker has ended before it had one: they are not at fault. Raise ChildDiedError."""
        try:
            worker.check()
        except ChildDiedError:
            for task in reversed(tasks):
                self._queue.give_back(task)
            raise

    def _receive(self, worker: Worker) -> bool:
        """Wait for the worker, or for more pages to send. Tell whether a page is done. Raise as the worker does."""
        seconds = self._live.config.service.worker_seconds
        told = worker.wait_for_result(seconds, self._wake, lambda: self._set_deadline(seconds))
        if told is None:
            return False
        number, outcome = told
        task = self._in_work.pop(number, None)
        if task is None:
            raise EngineError(f"the worker told of page {number}, which it does not have")
        if not isinstance(outcome, PageFault):
            described = self._described(worker)
            outcome = replace(outcome, engine=described.facts, device=described.device)
        self._events.page(self._number, task, outcome)
        return True

    def _replace_failed(self, worker: Worker, error: ChildDiedError | EngineError) -> None:
        """Report the worker and its pages as lost; the next turn of the thread starts another worker."""
        reason = error if isinstance(error, EngineError) else EngineError(f"the worker {error}")
        self._events.lost(self._number, reason)
        pages = self._fail_pages(reason)
        self._queue.take(0, wake=self._wake)
        worker.close()  # last, because a process that waits for a disk does not end at once
        if not self._queue.closed:
            what = f": {error}" if isinstance(error, EngineError) else f" {error}"  # "was killed by SIGKILL"
            _log.warning("worker %d%s, with %d pages in work; starting another", self._number, what, pages)

    def _replace_grown(self, worker: Worker) -> Worker | None:
        """Let the successor replace a worker that has no pages. Return None where the successor has yet to load."""
        successor = self._succession.take()
        if successor is None:
            _log.info("worker %d is replaced after %d pages, and memory is short", self._number, worker.pages)
            self._events.lost(self._number, None)
            worker.close()
            return None
        self._announced(successor)
        worker.close()
        _log.info("worker %d was replaced after %d pages", self._number, worker.pages)
        return successor

    def _fail_pages(self, error: EngineError) -> int:
        """Report that no page in work could be read. Return how many there were."""
        tasks, self._in_work = self._in_work, {}
        for task in tasks.values():
            self._events.page(self._number, task, error)
        return len(tasks)

    def _set_deadline(self, seconds: float) -> None:
        """Promise to make progress within so long."""
        self._deadline = self._timing.clock() + seconds + _SLACK_SECONDS
