"""Whether there is enough disk space or memory to claim more. Each change is logged once and kept for the status."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)


class FreeSpaceGuard:
    """One thing that may run short, and comes back by itself."""

    def __init__(self, of: str, free_bytes: Callable[[], int], every: float = 0.0) -> None:
        """Measure with `free_bytes`. What was enough is measured again after `every` seconds at the earliest."""
        self._of = of
        self._ask = free_bytes
        self._every = every
        self._enough: tuple[int, float] = 0, 0.0
        """How much was asked for and there when it was measured last, and until when that is believed."""
        self.shortage_reason = ""
        """Why nothing is claimed, as of the last look; "" when there is room."""
        self.free_bytes: int | None = None
        """What was free at the last look; None before the first, and where it could not be looked at."""

    def measure(self) -> None:
        """Look at how much is free, for the status."""
        try:
            self.free_bytes = self._ask()
        except OSError:
            self.free_bytes = None

    def enough(self, least_mb: int) -> bool:
        """Tell whether so much is free. What cannot be looked at has no room either.

        Once it was short, a quarter more has to be free: what hovers about the limit is not told of each time.
        """
        known, until = self._enough
        if least_mb <= known and time.monotonic() < until:
            return True
        least = least_mb << 20
        try:
            self.free_bytes = self._ask()
            short = self.free_bytes < (least * 5 // 4 if self.shortage_reason else least)
            lack = f"less than {least_mb} MiB free {self._of}" if short else ""
        except OSError as error:
            self.free_bytes = None
            lack = f"no telling how much is free {self._of}: {error.strerror}"
        if lack != self.shortage_reason:
            if lack:
                _log.error("%s: nothing is claimed until there is", lack, extra={"event": "claims-paused"})
            else:
                _log.info("there is room again %s", self._of, extra={"event": "claims-resumed"})
        self.shortage_reason = lack
        self._enough = (0, 0.0) if lack else (least_mb, time.monotonic() + self._every)
        return not lack
