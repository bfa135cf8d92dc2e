"""How the service is: whether everything goes round that has to, what is short, and what is told of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ocrspool.intake.headroom import Room
from ocrspool.observability.status import Standing
from ocrspool.processes.shortage import Shortage
from ocrspool.recognition.pool import Workers
from ocrspool.service.inboxes import Inboxes
from ocrspool.service.signals import Signals

_LONGEST_TURN_SECONDS = 90.0
"""The main loop comes round once a minute at least, and is stuck if it does not."""


@dataclass(slots=True)
class Vitals:
    """Looks at the parts of a service that has started."""

    signals: Signals
    inboxes: Inboxes
    workers: Workers
    memory: Room
    shortage: Shortage
    refused: str = ""
    """Why the last reload was refused; "" when it was not."""
    _turned_at: float = field(default_factory=time.monotonic)
    """When the main loop last came round."""

    def turn(self) -> None:
        """Take note that the main loop has come round."""
        self._turned_at = time.monotonic()

    def alive(self) -> bool:
        """Tell whether everything that has to go round does; other threads may ask too.

        A disk that does not answer is not the service's: the thread that it holds is there, and the others go on.
        """
        turns = time.monotonic() < self._turned_at + _LONGEST_TURN_SECONDS
        return turns and self.inboxes.alive() and self.workers.responsive()

    def lack(self) -> str:
        """Return why nothing is claimed, or not from every inbox."""
        return self.memory.lack or self.shortage.lack or self.inboxes.lack()

    def standing(self) -> Standing:
        """Return what there is to be told."""
        inboxes = self.inboxes.standings()
        return Standing(
            state=self._state(idle=[name for name, each in inboxes.items() if each["state"] != "serves"]),
            waiting=self.inboxes.waiting(),
            in_work=self.inboxes.in_work(),
            workers=tuple(self.workers.pids()),
            worker_restarts=self.workers.restarts,
            lack=self.lack(),
            queues=self.inboxes.queues(),
            overflows=self.inboxes.overflows(),
            engines=self.workers.engines(),
            inboxes=inboxes,
            reload_refused=self.refused,
        )

    def _state(self, *, idle: list[str]) -> str:
        if self.signals.stops:
            return "stopping"
        as_configured = self.workers.healthy() and not self.workers.standing_in() and not idle
        return "ready" if as_configured else "degraded"
