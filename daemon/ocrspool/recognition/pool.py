"""The pool of workers: pages in, futures out. Each worker is a process that owns one engine on one device.

A thread per worker (its supervisor) keeps it supplied: up to so many pages are in work there, and each that has been
read makes room for the next. Pages that a worker had when it died or hung come back as EngineError, and are to be
submitted again alone, so that only the culprit's job suffers twice. A page that makes a sound engine raise an error is
tried once more, alone, and comes back as DocumentError if that fails too; the worker goes on.
"""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config
from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import PageImage, PageText
from ocrspool.recognition.supervisor import PageTask, WorkerSupervisor

_TOLD = ("device", "runtime", "runtime_version", "precision", "fingerprint")
"""What is told of each engine that reads."""


class WorkerPool:
    """`submit(page) → future` over all devices. Owns the memory files of the pages it is given."""

    def __init__(self, live: CurrentConfig, on_stage: Callable[[str], None]) -> None:
        self._live = live
        self._on_stage = on_stage
        self._held_bytes = 0
        self._held_pages = 0
        self._most_pages = _most_pages()
        self._waiting: deque[PageTask] = deque()
        self._idle = 0
        """Workers that wait for pages."""
        self._changed = threading.Condition()
        self._closed = False
        engine, each = live.config.engine, live.config.service.workers
        devices = [device for _ in range(each) for device in engine.devices]
        self._supervisors = [WorkerSupervisor(self, number, device) for number, device in enumerate(devices, 1)]
        self.restarts = 0

    def start(self) -> None:
        """Start the workers; they load at once, and side by side."""
        for supervisor in self._supervisors:
            supervisor.start()

    def wait_ready(self) -> dict[str, Any]:
        """Wait until every worker has loaded; return what its engine is. Raise what kept one from it."""
        for supervisor in self._supervisors:
            supervisor.settled.wait()
            if supervisor.problem is not None:
                raise supervisor.problem
        return self._supervisors[0].facts

    def healthy(self) -> bool:
        """Tell whether at least one worker has an engine loaded."""
        return any(supervisor.loaded for supervisor in self._supervisors)

    def uses_cpu_fallback(self) -> bool:
        """Tell whether a CPU does the work of a GPU that is not there."""
        return any(supervisor.uses_cpu_fallback for supervisor in self._supervisors)

    def engines(self) -> tuple[dict[str, Any], ...]:
        """Return what reads now: each engine, the device that it is on, and how many workers have it loaded."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for supervisor in self._supervisors:
            if supervisor.loaded:
                facts = {**supervisor.facts, "device": supervisor.reads_on}
                known = {name: facts[name] for name in _TOLD}
                found.setdefault((facts["device"], facts["fingerprint"]), {**known, "workers": 0})["workers"] += 1
        return tuple(found.values())

    def responsive(self) -> bool:
        """Tell whether every worker's thread is where it should be: waiting no longer than it may for an answer."""
        return all(supervisor.deadline > time.monotonic() for supervisor in self._supervisors)

    def pids(self) -> list[int]:
        """Return the workers' process ids."""
        return [supervisor.worker.pid for supervisor in self._supervisors if supervisor.worker is not None]

    def renew(self) -> None:
        """Replace the workers that have read anything since they loaded: memory is short, and they hold the most."""
        for supervisor in self._supervisors:
            supervisor.renew_wanted = supervisor.worker is not None and supervisor.worker.pages > 0

    def submit(self, image: PageImage, orientation: str, *, alone: bool = False) -> Future[PageText]:
        """Queue a page, waiting while too much is held already.

        The future raises EngineError, or DocumentError where the page cannot be read, and may be cancelled.
        """
        page = PageTask(image, orientation, alone)
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._held_pages or self._fits(page))
            if self._closed:
                os.close(image.fd)
                raise EngineError("the service is stopping")
            self._held_bytes += page.size
            self._held_pages += 1
            self._waiting.append(page)
            self._tell_seats()
        return page.future

    def close(self) -> None:
        """End the workers now. Pages that were not recognized raise EngineError."""
        with self._changed:
            self._closed = True
            abandoned = list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        for page in abandoned:
            if _begin(page):
                self.complete(page, EngineError("the service is stopping"))
            else:
                self._release(page)
        for supervisor in self._supervisors:
            supervisor.stop()

    def take(self, most: int) -> list[PageTask]:
        """Return pages that wait, for a worker that has some already: none where one without any waits for them."""
        with self._changed:
            return [] if self._idle else self._next(most, beside=True)

    def wait_and_take(self, most: int, seconds: float) -> list[PageTask]:
        """Wait for pages and return them, for a worker that has none; nothing when none came in time."""
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._closed or self._waiting, seconds)
            self._idle -= 1
            return self._next(most, beside=False)

    def _next(self, most: int, *, beside: bool) -> list[PageTask]:
        """Return at most so many pages, to be read beside others or not. A page sent alone stays so."""
        pages: list[PageTask] = []
        while self._waiting and len(pages) < most:
            if self._waiting[0].alone and (beside or pages):
                break
            page = self._waiting.popleft()
            if not _begin(page):
                self._release(page)
                continue
            pages.append(page)
            if page.alone:
                break
        return pages

    def again(self, page: PageTask) -> None:
        """Have a page tried once more before all others, alone: it may be the one that makes engines fail."""
        page.alone = True
        with self._changed:
            if not self._closed:
                self._waiting.appendleft(page)
                self._tell_seats()
                return
        self.complete(page, EngineError("the service is stopping"))

    def _tell_seats(self) -> None:
        """Tell every supervisor that a page waits. The caller holds the lock."""
        self._changed.notify_all()
        for supervisor in self._supervisors:
            supervisor.wake.set()

    def complete(self, page: PageTask, outcome: PageText | DocumentError | EngineError) -> None:
        """Hand out what became of a page and let go of its memory."""
        self._release(page)
        if isinstance(outcome, Exception):
            page.future.set_exception(outcome)
        else:
            page.future.set_result(outcome)

    def _release(self, page: PageTask) -> None:
        os.close(page.image.fd)
        with self._changed:
            self._held_bytes -= page.size
            self._held_pages -= 1
            self._changed.notify_all()

    def _fits(self, page: PageTask) -> bool:
        fits = self._held_bytes + page.size <= self._live.config.limits.memory_mb << 20
        return fits and self._held_pages < self._most_pages

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

    def count_restart(self) -> None:
        """Count a worker that had to be replaced for a failure."""
        self.restarts += 1

    def stage(self, text: str) -> None:
        """Pass on what a worker that is loading is doing."""
        self._on_stage(text)


def _begin(page: PageTask) -> bool:
    """Tell whether a page is still wanted; from then on it cannot be cancelled."""
    page.begun = page.begun or page.future.set_running_or_notify_cancel()
    return page.begun


def _most_pages() -> int:
    """Return how many pages may be held: each is an open file, and half of those are for other uses."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft // 2
