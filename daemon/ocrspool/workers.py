"""The pool of workers: pages in, futures out. Each worker is a process that owns one engine on one device.

A thread per worker gives it whatever pages wait, up to a batch, so that batches grow by themselves when there is
much to do and nothing waits when there is little. A worker that dies or hangs is replaced; the pages that it had
come back as EngineError, and are to be submitted again alone, so that only the culprit's job suffers twice.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from ocrspool.child import Child, ChildDiedError
from ocrspool.config import Config, Live
from ocrspool.errors import EngineError
from ocrspool.model import PageImage, PageText
from ocrspool.worker_messages import about_engine, engine_error, page_text

_log = logging.getLogger(__name__)

_START_SECONDS = 300.0
_LONGEST_PAUSE = 60.0
_PING_SECONDS = 10.0
"""An idle worker is asked so often whether it still answers, and has as long to do so."""
_SLACK_SECONDS = 10.0
"""Past the end of any wait, before the thread that waits counts as stuck."""


@dataclass(slots=True)
class _Page:
    image: PageImage
    orientation: str
    alone: bool
    future: Future[PageText] = field(default_factory=Future)

    @property
    def size(self) -> int:
        return self.image.width * self.image.height * self.image.channels


class Workers:
    """`submit(page) → future` over all devices. Owns the memory files of the pages it is given."""

    def __init__(self, live: Live, on_stage: Callable[[str], None]) -> None:
        self._live = live
        self._on_stage = on_stage
        self._held_bytes = 0
        self._waiting: deque[_Page] = deque()
        self._changed = threading.Condition()
        self._closed = False
        engine, each = live.config.engine, live.config.service.workers
        devices = [device for _ in range(each) for device in engine.devices]
        self._seats = [_Seat(self, number, device) for number, device in enumerate(devices, 1)]
        self.restarts = 0

    def start(self) -> None:
        """Start the workers; they load at once, and side by side."""
        for seat in self._seats:
            seat.start()

    def wait_ready(self) -> dict[str, Any]:
        """Wait until every worker has loaded; return what its engine is. Raise what kept one from it."""
        for seat in self._seats:
            seat.settled.wait()
            if seat.problem is not None:
                raise seat.problem
        return self._seats[0].facts

    def healthy(self) -> bool:
        """Tell whether at least one worker has an engine loaded."""
        return any(seat.loaded for seat in self._seats)

    def standing_in(self) -> bool:
        """Tell whether a CPU does the work of a GPU that is not there."""
        return any(seat.standing_in for seat in self._seats)

    def responsive(self) -> bool:
        """Tell whether every worker's thread is where it should be: waiting no longer than it may for an answer."""
        return all(seat.due > time.monotonic() for seat in self._seats)

    def pids(self) -> list[int]:
        """Return the workers' process ids."""
        return [seat.child.pid for seat in self._seats if seat.child is not None]

    def submit(self, image: PageImage, orientation: str, *, alone: bool = False) -> Future[PageText]:
        """Queue a page, waiting while too much is held already. The future raises EngineError, and may be cancelled."""
        page = _Page(image, orientation, alone)
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._held_bytes or self._fits(page))
            if self._closed:
                os.close(image.fd)
                raise EngineError("the service is stopping")
            self._held_bytes += page.size
            self._waiting.append(page)
            self._changed.notify_all()
        return page.future

    def close(self) -> None:
        """End the workers now. Pages that were not recognized raise EngineError."""
        with self._changed:
            self._closed = True
            abandoned = list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        for page in abandoned:
            if page.future.set_running_or_notify_cancel():
                self.settle(page, EngineError("the service is stopping"))
            else:
                self._release(page)
        for seat in self._seats:
            seat.stop()

    def take(self, most: int, seconds: float) -> list[_Page]:
        """Wait for pages and return the next batch, nothing when none came. A page sent alone stays so."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting, seconds)
            batch: list[_Page] = []
            while self._waiting and len(batch) < most:
                if batch and (self._waiting[0].alone or batch[0].alone):
                    break
                page = self._waiting.popleft()
                if page.future.set_running_or_notify_cancel():
                    batch.append(page)
                else:
                    self._release(page)
        return batch

    def settle(self, page: _Page, outcome: PageText | EngineError) -> None:
        """Hand out what became of a page and let go of its memory."""
        self._release(page)
        if isinstance(outcome, EngineError):
            page.future.set_exception(outcome)
        else:
            page.future.set_result(outcome)

    def _release(self, page: _Page) -> None:
        os.close(page.image.fd)
        with self._changed:
            self._held_bytes -= page.size
            self._changed.notify_all()

    def _fits(self, page: _Page) -> bool:
        return self._held_bytes + page.size <= self._live.config.limits.memory_mb << 20

    @property
    def closed(self) -> bool:
        """Whether the pool takes no more pages."""
        return self._closed

    @property
    def config(self) -> Config:
        """What the workers are to load."""
        return self._live.config

    def wait_closed(self, seconds: float) -> None:
        """Wait so long, or until the pool closes."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)

    def stage(self, text: str) -> None:
        """Pass on what a worker that is loading is doing."""
        self._on_stage(text)


class _Seat:
    """The place of one worker: a thread that keeps a process in it."""

    def __init__(self, pool: Workers, number: int, device: str) -> None:
        self._pool = pool
        self._number = number
        self._device = device
        self._thread = threading.Thread(target=self._run, name=f"worker-{number}")
        self.child: Child | None = None
        self.settled = threading.Event()
        self.problem: EngineError | None = None
        self.facts: dict[str, Any] = {}
        self.loaded = False
        self.due = math.inf
        """When this thread has to have got on, on the monotonic clock, or is stuck."""

    @property
    def standing_in(self) -> bool:
        """Whether it was to be a GPU, and is not."""
        return self._device != "cpu" and self.facts.get("device") == "cpu"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Kill the process, if it is at work, and wait for the thread."""
        if self.child is not None:
            self.child.signal_kill()
        if self._thread.ident is not None:
            self._thread.join()

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
                self._within(pause)
                self._pool.wait_closed(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            pause = 1.0
            self.settled.set()
            self._work()
            self.loaded = False
        if self.child is not None:
            self.child.close()

    def _load(self) -> None:
        """Start a process and have it load. Raise EngineError."""
        config = self._pool.config
        self._within(_START_SECONDS)
        try:
            self.child = child = Child("ocrspool.worker", config.paths.cache)
            answer, _ = child.ask(about_engine("load", config, self._device), seconds=_START_SECONDS)
            while "stage" in answer:
                self._pool.stage(answer["stage"])
                self._within(_START_SECONDS)
                answer, _ = child.receive(seconds=_START_SECONDS)
        except ChildDiedError as error:
            raise EngineError(f"worker {self._number} {error} while loading") from error
        except OSError as error:  # no memory, no descriptors: nothing that a thread may die of
            raise EngineError(f"worker {self._number} cannot be started: {error}") from error
        if reason := answer.get("error"):
            child.close()
            raise engine_error(reason)
        self.facts = answer["ready"]
        self.loaded = True
        self.problem = None

    def _work(self) -> None:
        """Feed the process until the pool closes or the process has to be replaced."""
        child, service = self.child, self._pool.config.service
        assert child is not None  # noqa: S101 - for the type checker
        pages = 0
        while not self._pool.closed:
            self._within(_PING_SECONDS)
            batch = self._pool.take(service.batch_pages, _PING_SECONDS)
            try:
                outcomes = self._recognize(child, batch) if batch else self._ping(child)
            except ChildDiedError as error:
                self._pool.restarts += 1
                if not self._pool.closed:
                    _log.warning("worker %d %s with %d pages; starting another", self._number, error, len(batch))
                outcomes = [EngineError(f"the worker {error}")] * len(batch)
            for page, outcome in zip(batch, outcomes, strict=True):
                self._pool.settle(page, outcome)
            pages += len(batch)
            if not child.alive():
                return
            if pages >= service.worker_pages or child.resident_bytes() > service.worker_memory_mb << 20:
                _log.info("worker %d is replaced after %d pages", self._number, pages)
                child.close()
                return

    def _within(self, seconds: float) -> None:
        """Promise to get on within so long."""
        self.due = time.monotonic() + seconds + _SLACK_SECONDS

    def _ping(self, child: Child) -> list[PageText | EngineError]:
        """Ask an idle worker whether it answers; one that does not is found before the next file is."""
        self._within(_PING_SECONDS)
        child.ask({"op": "ping"}, seconds=_PING_SECONDS)
        return []

    def _recognize(self, child: Child, batch: list[_Page]) -> list[PageText | EngineError]:
        request = {
            "op": "recognize",
            "pages": [
                {
                    "width": page.image.width,
                    "height": page.image.height,
                    "channels": page.image.channels,
                    "orientation": page.orientation,
                }
                for page in batch
            ],
        }
        descriptors = tuple(page.image.fd for page in batch)
        patience = self._pool.config.service.worker_seconds
        self._within(patience)
        answer, _ = child.ask(request, descriptors, seconds=patience)
        while "progress" in answer:
            self._within(patience)
            answer, _ = child.receive(seconds=patience)
        if reason := answer.get("error"):
            # Whatever it was (no memory, a device that is gone, a library in disorder), a new process begins afresh,
            # and is known to work, because it reads the known page first. Loading takes a second.
            child.close()
            self._pool.restarts += 1
            error = engine_error(reason)
            _log.warning("worker %d: %s; starting another", self._number, error)
            return [error] * len(batch)
        return [page_text(page) for page in answer["pages"]]
