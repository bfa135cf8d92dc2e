"""What hosts are given, and what they answer: pages and files go out, and each outcome comes back to who asked.

The seat's thread alone calls it, but for `forget_file`. The roster and the scheduler's state are changed under the
seat's lock.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from ocrspool.errors import EngineError
from ocrspool.pages import EncodedText
from ocrspool.recognition.hosts.bridge_client import (
    Bridge,
    BridgeEvent,
    FileDone,
    HostGone,
    HostSeen,
    Joined,
    PageDone,
    PageReturned,
    SchedulerSeen,
)
from ocrspool.recognition.hosts.file_answers import FileRead, with_host
from ocrspool.recognition.hosts.file_queue import FileQueue, FileTask
from ocrspool.recognition.hosts.moves import Moves
from ocrspool.recognition.hosts.roster import Host, Roster, Task
from ocrspool.recognition.hosts.scheduler_state import SchedulerState
from ocrspool.recognition.hosts.shown import tell
from ocrspool.recognition.page_queue import PageQueue


class Exchange:
    """Between the queues of this machine and the bridge."""

    def __init__(
        self,
        queue: PageQueue,
        files: FileQueue,
        roster: Roster,
        scheduler: SchedulerState,
        changed: threading.Condition,
    ) -> None:
        """Take pages of `queue` and `files`. `changed` guards the roster and the state, and is told of what is new."""
        self._queue = queue
        self._files = files
        self._roster = roster
        self._scheduler = scheduler
        self._changed = changed
        self._moves = Moves(queue, files)
        self._numbers = itertools.count(1)
        self._done_with: deque[str] = deque()
        """Files, by key, that hosts need keep no longer."""

    @property
    def moves(self) -> int:
        """Pages and files that were moved to another host so far. Any thread may ask."""
        return self._moves.count

    def forget_file(self, key: str) -> None:
        """Have the hosts that keep a file drop it, when they are fed next. Any thread may call this."""
        self._done_with.append(key)

    def feed(self, bridge: Bridge) -> None:
        """Send pages and files, in turn, while there are any and a host has room."""
        while self._done_with:
            bridge.forget_file(self._done_with.popleft())
        more = True
        while more:
            more = self._send_page(bridge)
            more = self._send_file(bridge) or more

    def _send_page(self, bridge: Bridge) -> bool:
        """Send a page. Return False where there is none, or no host has room."""
        with self._changed:
            host = self._roster.next_host()
            tasks = [] if host is None else self._queue.take(1, beside=bool(host.in_work))
            if host is None or not tasks:
                return False
            number = self._give(host, tasks[0])
        bridge.send_page(host.name, number, tasks[0])
        return True

    def _send_file(self, bridge: Bridge) -> bool:
        """Send a file likewise. Where no host takes files, those that wait are decoded here."""
        with self._changed:
            takers = self._roster.take_files()
            host = self._roster.next_host(for_a_file=True)
            task = None if host is None else self._files.take()
            number = 0 if host is None or task is None else self._give(host, task)
        if not takers:
            self._files.return_all()
        if host is None or task is None:
            return False
        bridge.send_file(host.name, number, task)
        return True

    def _give(self, host: Host, task: Task) -> int:
        """Take note that a host gets a page or a file. Return its number. The caller holds the lock."""
        number = next(self._numbers)
        host.in_work[number] = task
        host.sent_bytes += 0 if isinstance(task, FileTask) else task.size  # of a file, the bridge tells it
        return number

    def take(self, event: BridgeEvent) -> None:
        """Take note of what the bridge tells."""
        if isinstance(event, PageDone):
            self._take_page(event)
        elif isinstance(event, FileDone):
            self._take_file(event)
        elif isinstance(event, PageReturned):
            self._take_returned(event)
        elif isinstance(event, HostSeen):
            with self._changed:
                host, is_news = self._roster.report(event.host, event.address, event.report, event.link)
                host.link_measured = event.link_measured
                self._changed.notify_all()
            if is_news:
                tell(host, files_wanted=self._roster.files_wanted)
        elif isinstance(event, HostGone):
            self.take_back([event.host], event.reason, counts=event.counts)
        elif isinstance(event, Joined):
            self._roster.dask = event.dask
        elif isinstance(event, SchedulerSeen):
            with self._changed:
                self._scheduler.take(event, self._roster.dask)
                self._changed.notify_all()

    def _take_page(self, event: PageDone) -> None:
        """Publish what a host said of a page. An answer that comes too late is dropped: another host has the page."""
        with self._changed:
            found = self._roster.take(event.number)
            if found is None:
                return
            host, task = found
            self._roster.read(host, event.wire_seconds)
        if isinstance(task, FileTask):
            task.complete(EngineError(f"{host.name} has answered about a page, and had a file"))
            return
        outcome = event.outcome
        if isinstance(outcome, EncodedText):
            outcome = replace(outcome, host=host.name)
        elif isinstance(outcome, EngineError):
            outcome = EngineError(f"{host.name}: {outcome.message}", outcome.hint)
        self._queue.complete(task, outcome)

    def _take_file(self, event: FileDone) -> None:
        """Publish what a host said of a file. An answer that comes too late is dropped."""
        with self._changed:
            found = self._roster.take(event.number)
            if found is None:
                return
            host, task = found
            host.sent_bytes += event.sent_bytes
            if isinstance(found_there := event.outcome, FileRead):
                wait = found_there.wait_seconds
                self._roster.read_file(host, len(found_there.pages), wait, event.wire_seconds)
        if isinstance(task, FileTask):
            task.complete(with_host(event.outcome, host.name))
        else:
            self._queue.complete(task, EngineError(f"{host.name} has answered about a file, and had a page"))

    def _take_returned(self, event: PageReturned) -> None:
        with self._changed:
            found = self._roster.take(event.number)
        if found is not None:
            self._moves.move([found[1]], event.reason, counts=event.counts)

    def take_back(self, names: Iterable[str], reason: str, *, counts: bool) -> None:
        """Take note that hosts are away, and have their pages read by others."""
        for name in list(names):
            with self._changed:
                host, is_news, tasks = self._roster.gone(name, reason)
                self._changed.notify_all()
            if is_news and not self._queue.closed:
                tell(host)
            self._moves.move(tasks, f"{name}: {reason}", counts=counts)
