"""Keeps the hosts of the cluster supplied with pages: one thread, one child process (the bridge).

It takes pages from the same queue as the workers of this machine, and whole files from a queue of its own. It never
gives more than the hosts have room for. Whatever repeats or moves a page is decided here and nowhere else, and a file
is moved like a page:

- A host says that its worker died: that is an answer, EngineError, as if the worker had been here.
- A host is lost: nobody is to blame, and others read its pages. A page that has lost two hosts may be what kills them,
  so it fails with EngineError.
- The scheduler is lost, or a host leaves: its pages are read by others as often as that happens.
- There is no host: pages wait, as they do while a worker of this machine loads. Files do not wait: they are decoded
  here, and their pages wait.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ocrspool.config.current import CurrentConfig
from ocrspool.config.sections import Limits
from ocrspool.decoding.api import DecoderPool
from ocrspool.decoding.facts import decoding_facts
from ocrspool.errors import EngineError
from ocrspool.observability.snapshot import ClusterStatus
from ocrspool.processes.backoff import Backoff
from ocrspool.processes.child import ChildDiedError
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.recognition.api import HostsStatus
from ocrspool.recognition.hosts.bridge_client import Bridge, BridgeEvent, HostSeen, start_bridge
from ocrspool.recognition.hosts.exchange import Exchange
from ocrspool.recognition.hosts.file_queue import FileQueue, FileTask
from ocrspool.recognition.hosts.roster import Roster
from ocrspool.recognition.hosts.scheduler_state import SchedulerState
from ocrspool.recognition.hosts.shown import published, shortage, too_few
from ocrspool.recognition.hosts.transport_choice import HostWay
from ocrspool.recognition.hosts.whole_files import WholeFiles
from ocrspool.recognition.page_queue import PageQueue
from ocrspool.recognition.worker import OnStage

_log = logging.getLogger(__name__)

_SILENCE_SECONDS = 60.0
"""The bridge tells of the scheduler at least every few seconds. One that says nothing for so long hangs."""
_LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class SeatParts:
    """What a seat stands on. Tests put others in their place."""

    launch: Callable[[CurrentConfig], Bridge] = lambda live: start_bridge(live.config)
    clock: Callable[[], float] = time.monotonic
    decoding: Callable[[Limits], Mapping[str, str]] = decoding_facts
    step_seconds: float = 1.0
    """While nothing happens, it looks around this often."""


class HostsSeat:
    """Gives pages of a queue to the hosts of a cluster."""

    def __init__(
        self,
        live: CurrentConfig,
        queue: PageQueue,
        on_stage: OnStage,
        local_engine: Callable[[], Mapping[str, Any] | None],
        parts: SeatParts | None = None,
    ) -> None:
        """`local_engine` returns the facts of this machine's own engine, once that is loaded. It says how to read."""
        self._live = live
        self._queue = queue
        self._on_stage = on_stage
        self._parts = parts or SeatParts()
        self._cluster = live.config.cluster
        decoding = self._parts.decoding
        self._roster = Roster(live.config, local_engine, decoding=lambda: decoding(live.config.limits))
        self._changed = threading.Condition()
        """Guards the roster and what follows."""
        self._scheduler = SchedulerState(self._cluster.scheduler)
        self._problem: EngineError | None = None
        """Why the bridge cannot work. At the start that ends the start."""
        self._restarts = 0
        self._bridge: Bridge | None = None
        self._deadline = math.inf
        self._wake = WakeupEvent()
        queue.wake_up(self._wake)
        self._files = FileQueue(self._wake.set)
        self._exchange = Exchange(queue, self._files, self._roster, self._scheduler, self._changed)
        self._thread = threading.Thread(target=self._run, name="hosts", daemon=True)

    def start(self) -> None:
        """Start the thread, which starts the bridge."""
        self._thread.start()

    def wait_ready(self) -> Mapping[str, Any]:
        """Wait until enough hosts have joined. Return the facts of the engine of one; {} if none is needed.

        Raise EngineError if that takes too long, and if the bridge cannot work.
        """
        least = self._cluster.least_hosts
        deadline = self._parts.clock() + self._cluster.start_seconds
        with self._changed:
            while self._problem is None and len(self._roster.admitted()) < least:
                left = deadline - self._parts.clock()
                if left <= 0:
                    raise too_few(self._roster, self._cluster, self._shortage())
                self._on_stage(f"waiting for hosts: {self._shortage()}")
                self._changed.wait(min(left, self._parts.step_seconds))
            if self._problem is not None:
                raise self._problem
            reports = [host.report for host in self._roster.admitted()]
        return next(({**report.engines[0], "seconds": report.seconds} for report in reports if report), {})

    def status(self) -> HostsStatus:
        """Return how the hosts are now."""
        with self._changed:
            hosts = tuple(published(host) for _, host in sorted(self._roster.hosts.items()))
            short = "" if len(self._roster.admitted()) >= self._cluster.least_hosts else self._shortage()
            if self._problem is not None:
                short = self._problem.message
            shown = ClusterStatus(
                self._cluster.scheduler,
                not self._scheduler.reason,
                self._scheduler.reason,
                short,
                self._exchange.moves,
                self._restarts,
                hosts,
                self._scheduler.other,
            )
            room = self._roster.room()
        bridge = self._bridge
        return HostsStatus(shown, room, () if bridge is None else (bridge.pid,))

    def decoders(self, here: DecoderPool) -> DecoderPool:
        """Return decoders that give whole files to hosts, where that is better. `here` are those of this machine."""
        return WholeFiles(self._live, here, self)

    def ways(self) -> list[HostWay]:
        """Return the way of whole files to each host that takes them. Any thread may ask."""
        with self._changed:
            return self._roster.ways()

    def read_file(self, task: FileTask) -> None:
        """Have a host decode and read a file: the future of the task tells. Any thread may call this."""
        self._files.put(task)
        if not self.ways():  # the last host has gone in this moment, and nobody may look again soon
            self._files.return_all()

    def forget_file(self, key: str) -> None:
        """Have the hosts that keep a file drop it, within a second. Any thread may call this."""
        self._exchange.forget_file(key)

    def responsive(self) -> bool:
        """Tell whether the thread waits no longer than it may."""
        return self._parts.clock() < self._deadline

    def stop(self) -> None:
        """Kill the bridge and wait for the thread. The queue is closed by now."""
        self._files.close()
        if (bridge := self._bridge) is not None:
            bridge.signal_kill()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._wake.close()

    def _run(self) -> None:
        """Keep a bridge running until the queue is closed."""
        pauses = Backoff(1.0, _LONGEST_PAUSE)
        while not self._queue.closed:
            try:
                self._bridge = bridge = self._parts.launch(self._live)
                self._serve(bridge, pauses)
            except (ChildDiedError, EngineError) as error:
                self._lose_bridge(error)
            self._deadline = math.inf
            if not self._queue.closed:
                self._queue.wait_closed(pauses.next())
        if self._bridge is not None:
            self._bridge.close()

    def _serve(self, bridge: Bridge, pauses: Backoff) -> None:
        """Give pages to hosts and take their answers until the queue is closed. Raise as the bridge does."""
        heard = self._parts.clock()
        while not self._queue.closed:
            self._deadline = self._parts.clock() + _SILENCE_SECONDS
            self._exchange.feed(bridge)
            event = bridge.next_event(self._parts.step_seconds, self._wake)
            if event is not None:
                heard = self._parts.clock()
                self._take(event)
                if isinstance(event, HostSeen):
                    pauses.reset()
            elif self._parts.clock() > heard + _SILENCE_SECONDS:
                raise bridge.overdue(_SILENCE_SECONDS)
        self._exchange.take_back(self._roster.hosts, "the service is stopping", counts=False)

    def _take(self, event: BridgeEvent) -> None:
        if isinstance(event, HostSeen):
            with self._changed:  # before those who wait for a host are woken up
                self._problem = None
        self._exchange.take(event)

    def _lose_bridge(self, error: ChildDiedError | EngineError) -> None:
        """Take back all pages, and remember why nobody gets any."""
        told = error if isinstance(error, EngineError) else EngineError(f"the bridge to the cluster {error}")
        if self._queue.closed:
            self._exchange.take_back(self._roster.hosts, "the service is stopping", counts=False)
            return
        _log.error("%s; no host gets pages until it works again", told)
        self._exchange.take_back(self._roster.hosts, told.message, counts=True)
        self._files.return_all()
        with self._changed:
            self._restarts += 1
            if isinstance(error, EngineError):
                self._problem = error
            self._changed.notify_all()
        if self._bridge is not None:
            self._bridge.close()

    def _shortage(self) -> str:
        """Return in words how many hosts there are. The caller holds the lock."""
        return shortage(self._roster, self._cluster, self._scheduler.reason)
