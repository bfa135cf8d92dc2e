"""How the service is: whether each of its loops goes round, what is short, and what is published of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from ocrspool.observability.snapshot import EngineStatus, InboxStatus, Queue, ServiceStatus, State
from ocrspool.recognition.api import RecognizerStatus

_LONGEST_TURN_SECONDS = 90.0
"""The main loop comes round once a minute at least, and is stuck if it does not."""


class Stopping(Protocol):
    """Whether the service has been told to stop (signals.py)."""

    @property
    def stops(self) -> int:
        """How often."""


class Scarce(Protocol):
    """Something that may run short."""

    @property
    def shortage_reason(self) -> str:
        """Why nothing is claimed; "" while there is enough."""


class MonitoredInboxes(Protocol):
    """What is asked of the inboxes (inboxes.py)."""

    def alive(self) -> bool:
        """Tell whether the threads of all inboxes are there."""

    def shortage_reason(self) -> str:
        """Return what a disk has too little of."""

    def standings(self) -> dict[str, InboxStatus]:
        """Return how each inbox is."""

    def queues(self) -> dict[str, Queue]:
        """Return what waits in each inbox."""

    def in_work(self) -> int:
        """Return how many jobs have not ended."""

    def overflows(self) -> int:
        """Return how often the kernel has lost events."""


class MonitoredRecognizer(Protocol):
    """What is asked of the recognizer (recognition/api.py)."""

    def status(self) -> RecognizerStatus:
        """Return how it is now."""


@dataclass(slots=True)
class HealthMonitor:
    """Looks at the parts of a service that has started."""

    signals: Stopping
    inboxes: MonitoredInboxes
    recognizer: MonitoredRecognizer
    memory: Scarce
    shortage: Scarce
    clock: Callable[[], float] = time.monotonic
    refused: str = ""
    """Why the last reload was refused; "" when it was not."""
    _turned_at: float = field(init=False)
    """When the main loop last came round."""

    def __post_init__(self) -> None:
        self.mark_alive()

    def mark_alive(self) -> None:
        """Take note that the main loop has come round."""
        self._turned_at = self.clock()

    def alive(self) -> bool:
        """Tell whether everything that has to go round does; other threads may ask too.

        A disk that does not answer is no fault of the service: the thread that waits for it is alive, and the others
        go on.
        """
        return self._alive(self.recognizer.status())

    def shortage_reason(self) -> str:
        """Return why nothing is claimed, or not from every inbox."""
        return self.memory.shortage_reason or self.shortage.shortage_reason or self.inboxes.shortage_reason()

    def standing(self) -> ServiceStatus:
        """Return what is to be published."""
        inboxes, queues = self.inboxes.standings(), self.inboxes.queues()
        recognizer = self.recognizer.status()
        return ServiceStatus(
            state=self._state(recognizer, all_serve=all(each.state == "serves" for each in inboxes.values())),
            waiting=sum(queue.waiting for queue in queues.values()),
            in_work=self.inboxes.in_work(),
            responsive=self._alive(recognizer),
            workers=recognizer.pids,
            worker_restarts=recognizer.restarts,
            lack=self.shortage_reason(),
            queues=queues,
            overflows=self.inboxes.overflows(),
            engines=tuple(EngineStatus(**engine) for engine in recognizer.engines),
            inboxes=inboxes,
            cluster=None if recognizer.hosts is None else recognizer.hosts.shown,
            reload_refused=self.refused,
        )

    def _alive(self, recognizer: RecognizerStatus) -> bool:
        turns = self.clock() < self._turned_at + _LONGEST_TURN_SECONDS
        return turns and self.inboxes.alive() and recognizer.responsive

    def _state(self, recognizer: RecognizerStatus, *, all_serve: bool) -> State:
        if self.signals.stops:
            return "stopping"
        short = recognizer.hosts is not None and bool(recognizer.hosts.shown.short)
        as_configured = recognizer.ready and not recognizer.uses_cpu_fallback and all_serve and not short
        return "ready" if as_configured else "degraded"
