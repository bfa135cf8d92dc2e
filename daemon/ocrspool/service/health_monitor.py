"""How the service is: whether everything goes round that has to, what is short, and what is told of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ocrspool.intake.headroom import FreeSpaceGuard
from ocrspool.observability.status import ServiceStatus
from ocrspool.processes.shortage import Shortage
from ocrspool.recognition.pool import WorkerPool
from ocrspool.service.inboxes import Inboxes
from ocrspool.service.signals import Signals

_LONGEST_TURN_SECONDS = 90.0
"""The main loop comes round once a minute at least, and is stuck if it does not."""


@dataclass(slots=True)
class HealthMonitor:
    """Looks at the parts of a service that has started."""

    signals: Signals
    inboxes: Inboxes
    workers: WorkerPool
    memory: FreeSpaceGuard
    shortage: Shortage
    refused: str = ""
    """Why the last reload was refused; "" when it was not."""
    _turned_at: float = field(default_factory=time.monotonic)
    """When the main loop last came round."""

    def mark_alive(self) -> None:
        """Take note that the main loop has come round."""
        self._turned_at = time.monotonic()

    def alive(self) -> bool:
        """Tell whether everything that has to go round does; other threads may ask too.

        A disk that does not answer is not the service's: the thread that it holds is there, and the others go on.
        """
        turns = time.monotonic() < self._turned_at + _LONGEST_TURN_SECONDS
        return turns and self.inboxes.alive() and self.workers.responsive()

    def shortage_reason(self) -> str:
        """Return why nothing is claimed, or not from every inbox."""
        return self.memory.shortage_reason or self.shortage.shortage_reason or self.inboxes.shortage_reason()

    def standing(self) -> ServiceStatus:
        """Return what there is to be told."""
        inboxes = self.inboxes.standings()
        return ServiceStatus(
            state=self._state(idle=[name for name, each in inboxes.items() if each["state"] != "serves"]),
            waiting=self.inboxes.waiting(),
            in_work=self.inboxes.in_work(),
            workers=tuple(self.workers.pids()),
            worker_restarts=self.workers.restarts,
            shortage_reason=self.shortage_reason(),
            queues=self.inboxes.queues(),
            overflows=self.inboxes.overflows(),
            engines=self.workers.engines(),
            inboxes=inboxes,
            reload_refused=self.refused,
        )

    def _state(self, *, idle: list[str]) -> str:
        if self.signals.stops:
            return "stopping"
        as_configured = self.workers.healthy() and not self.workers.uses_cpu_fallback() and not idle
        return "ready" if as_configured else "degraded"
