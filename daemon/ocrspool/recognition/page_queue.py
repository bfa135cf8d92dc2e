"""The pages that wait for a worker, bounded by the memory and the descriptors that they hold."""

from __future__ import annotations

import os
import resource
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import PageImage, PageOptions, Recognized
from ocrspool.processes.wakeup import WakeupEvent


@dataclass(slots=True, eq=False)
class PageTask:
    """A page that waits for a worker, or is with one."""

    image: PageImage
    options: PageOptions
    alone: bool = False
    """Whether it shares no batch with other pages."""
    future: Future[Recognized] = field(default_factory=Future)
    begun: bool = False
    """Whether a worker has had it. Its future cannot be cancelled any more."""
    moves: int = 0
    """How often a host of the cluster that had it was lost."""
    faults: int = 0
    """How often reading it raised an error in an engine that was in order."""

    @property
    def size(self) -> int:
        """Bytes of its pixels."""
        return self.image.width * self.image.height * self.image.channels


class PageQueue:
    """Holds every page from `put` to `complete`, and closes its memory file then."""

    def __init__(self, most_bytes: Callable[[], int], *, engines_are_shared: bool = False) -> None:
        """`most_bytes` returns how many bytes of pixels may be held now. A single page may always be held.

        Where workers share engines, a page that is to be read alone is read while nobody reads another one.
        """
        self._most_bytes = most_bytes
        self._engines_are_shared = engines_are_shared
        self._read_alone: set[PageTask] = set()
        """The page that is read alone now."""
        self._most_pages = _most_pages()
        self._held_bytes = 0
        self._held_pages = 0
        self._waiting: deque[PageTask] = deque()
        self._idle = 0
        """The number of workers that have no page and wait for one."""
        self._with_room: dict[WakeupEvent, None] = {}
        """Those that have pages and room for more and wait elsewhere, the longest first."""
        self._wakeups: list[WakeupEvent] = []
        lock = threading.RLock()
        self._arrived = threading.Condition(lock)
        """Idle workers wait for it."""
        self._changed = threading.Condition(lock)
        """Whoever waits for room, or for the end, waits for it."""
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether no more pages come."""
        return self._closed

    @property
    def holds_pages(self) -> bool:
        """Whether there are pages that wait or are read."""
        return self._held_pages > 0

    def wake_up(self, event: WakeupEvent) -> None:
        """Set this event whenever a page is put into the queue, and when it is closed."""
        self._wakeups.append(event)

    def put(self, task: PageTask) -> None:
        """Add a page, and wait while too much is held. Raise EngineError where the queue is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._held_pages or self._fits(task))
            if self._closed:
                os.close(task.image.fd)
                raise stopping()
            self._held_bytes += task.size
            self._held_pages += 1
            self._waiting.append(task)
            self._tell_of_page()

    def put_back(self, task: PageTask) -> None:
        """Have a page read again before all others, and alone: it may be the one that makes engines fail."""
        task.alone = True
        self.give_back(task)

    def give_back(self, task: PageTask) -> None:
        """Have a page read before all others. Nothing is known against it: who had it has gone."""
        with self._changed:
            self._read_alone.discard(task)
            if not self._closed:
                self._waiting.appendleft(task)
                self._tell_of_page()
                return
        self.complete(task, stopping())

    def take(self, most: int, *, beside: bool = True, wake: WakeupEvent | None = None) -> list[PageTask]:
        """Return pages for somebody who does not wait here. Return none if an idle worker waits: it goes first.

        They are to be read `beside` others, and then none of them is one that is to be read alone. If fewer than `most`
        come, `wake` is set for a page that comes later. One waker is told of a page and not all: eight threads that
        wake up for it would cost more than reading it does here.
        """
        with self._arrived:
            tasks = [] if self._idle else self._next(most, beside=beside)
            if wake is not None:
                self._with_room.pop(wake, None)
                if len(tasks) < most and not self._closed:
                    self._with_room[wake] = None
            if tasks or not most:  # else whoever has just refused the first page would be told of it again
                self._pass_on()
            return tasks

    def wait_and_take(self, most: int, seconds: float, wake: WakeupEvent | None = None) -> list[PageTask]:
        """Return pages for a worker that has none. Wait for them at most so long. `wake` is no longer set for it."""
        with self._arrived:
            if wake is not None:
                self._with_room.pop(wake, None)
            self._idle += 1
            self._arrived.wait_for(lambda: self._closed or (self._waiting and not self._blocked()), seconds)
            self._idle -= 1
            tasks = self._next(most, beside=False)
            self._pass_on()
            return tasks

    def complete(self, task: PageTask, outcome: Recognized | DocumentError | EngineError) -> None:
        """Publish what became of a page, and release its memory."""
        self._release(task)
        if isinstance(outcome, Exception):
            task.future.set_exception(outcome)
        else:
            task.future.set_result(outcome)

    def close(self) -> None:
        """Take no more pages. Those that wait fail with EngineError."""
        with self._changed:
            self._closed = True
            abandoned = list(self._waiting)
            self._waiting.clear()
            self._arrived.notify_all()
            self._changed.notify_all()
            for event in (*self._wakeups, *self._with_room):
                event.set()
        for task in abandoned:
            if _begin(task):
                self.complete(task, stopping())
            else:
                self._release(task)

    def wait_closed(self, seconds: float) -> None:
        """Wait until the queue is closed, at most so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)

    def _next(self, most: int, *, beside: bool) -> list[PageTask]:
        """Return at most so many pages. A page that is to be read alone comes neither with nor beside others."""
        tasks: list[PageTask] = []
        while self._waiting and len(tasks) < most and not self._blocked():
            if self._waiting[0].alone and (beside or tasks):
                break
            task = self._waiting.popleft()
            if not _begin(task):
                self._release(task)
                continue
            tasks.append(task)
            if task.alone:
                self._read_alone.add(task)
                break
        return tasks

    def _blocked(self) -> bool:
        """Tell whether the next page has to wait: it is to be read alone and others are read, or the reverse."""
        read = self._held_pages - len(self._waiting)
        return self._engines_are_shared and bool(self._read_alone or (self._waiting[0].alone and read))

    def _tell_of_page(self) -> None:
        """Wake up one worker that can take the first page, and those who want to know of each. The lock is held."""
        self._pass_on()
        for event in self._wakeups:
            event.set()

    def _pass_on(self) -> None:
        """Wake up one worker where a page waits: an idle one if there is any. The caller holds the lock.

        That one takes the page, or passes it on. A page that is to be read alone waits for a worker that has none.
        """
        if not self._waiting or self._blocked():
            return
        if self._idle:
            self._arrived.notify()
        elif self._with_room and not self._waiting[0].alone:
            event = next(iter(self._with_room))
            del self._with_room[event]
            event.set()

    def _release(self, task: PageTask) -> None:
        os.close(task.image.fd)
        with self._changed:
            self._held_bytes -= task.size
            self._held_pages -= 1
            self._changed.notify_all()
            if task in self._read_alone or (self._waiting and self._waiting[0].alone):
                self._read_alone.discard(task)
                self._tell_of_page()

    def _fits(self, task: PageTask) -> bool:
        return self._held_bytes + task.size <= self._most_bytes() and self._held_pages < self._most_pages


def stopping() -> EngineError:
    """Return why a page is not read at the end of the service."""
    return EngineError("the service is stopping")


def _begin(task: PageTask) -> bool:
    """Tell whether a page is still wanted. From then on it cannot be cancelled."""
    task.begun = task.begun or task.future.set_running_or_notify_cancel()
    return task.begun


def _most_pages() -> int:
    """Return how many pages may be held. Each is an open file, and half of those are for other uses."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit // 2
