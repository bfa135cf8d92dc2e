"""How a worker that has grown is replaced. Its successor loads beside it, where there is memory for two.

Either way the worker first reads the pages that it has, and gets no more of them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from ocrspool.config.current import CurrentConfig
from ocrspool.errors import EngineError
from ocrspool.machine import memory
from ocrspool.recognition.worker import Worker

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 60.0
"""The time after which another successor is tried, where one could not load."""

_LOOK_SECONDS = 0.5
"""How much memory a worker holds is looked at no more often: a GPU reads a page each few milliseconds."""


class Succession:
    """Decides when the worker of a supervisor is replaced, and holds the successor while that loads."""

    def __init__(
        self,
        name: str,
        live: CurrentConfig,
        launch: Callable[[], Worker],
        clock: Callable[[], float] = time.monotonic,
        available_bytes: Callable[[], int] = memory.available_bytes,
    ) -> None:
        self._name = name
        self._live = live
        self._launch = launch
        self._clock = clock
        self._available_bytes = available_bytes
        self._next_try = self._next_look = clock()
        self._renew = False
        self.successor: Worker | None = None
        """Loads beside the worker."""
        self.draining = False
        """Whether the worker gets no more pages, because another one is about to replace it."""

    def renew(self) -> None:
        """Have the worker replaced as soon as possible. Any thread may call this."""
        self._renew = True

    def proceed(self, worker: Worker) -> None:
        """Start a successor where the worker has grown, or see how far the successor is."""
        try:
            if self.successor is not None:
                self.draining = self.successor.has_loaded(0)
            elif self._clock() >= self._next_try and self._has_grown(worker):
                if self._has_room_beside(worker):
                    self.successor = self._launch()
                else:
                    self.draining = True
        except EngineError as error:
            self.successor = None
            self._next_try = self._clock() + _RETRY_SECONDS
            _log.error("%s goes on, because the next one cannot load its engine: %s", self._name, error)

    def take(self) -> Worker | None:
        """Return the successor, loaded or not, which is a worker like any other from now on. None if there is none."""
        successor, self.successor = self.successor, None
        self.draining = self._renew = False
        return successor

    def _has_grown(self, worker: Worker) -> bool:
        service, now = self._live.config.service, self._clock()
        if self._renew or worker.pages >= service.worker_pages:
            return True
        if now < self._next_look:
            return False
        self._next_look = now + _LOOK_SECONDS
        return worker.resident_bytes() > service.worker_memory_mb << 20

    def _has_room_beside(self, worker: Worker) -> bool:
        """Tell whether a second worker may grow as large as this one without making memory short."""
        least = self._live.config.limits.free_memory_mb << 20
        return self._available_bytes() - worker.resident_bytes() >= least
