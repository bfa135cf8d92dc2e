"""What signals ask of the service. Handlers only set flags and end the wait; the main loop looks at them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ocrspool.processes.wakeup import WakeupEvent


class StoppedError(Exception):
    """A signal to stop came while the service was doing something that only an exception can end."""


class Signals:
    """SIGTERM and SIGINT ask for a stop, SIGHUP for a reload."""

    def __init__(self, wake: WakeupEvent) -> None:
        self._wake = wake
        self._interruptible = False
        self.stops = 0
        """How often a stop was asked for: the first drains, a second ends the drain."""
        self.reload_wanted = False
        """Set here, and taken back by whoever reloads."""

    def install(self) -> None:
        """From now on, take note of them."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a stop end what goes on meanwhile, which sets no store by flags: StoppedError is raised in it."""
        self._interruptible = True
        try:
            yield
        finally:
            self._interruptible = False

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stops += 1
        self._wake.set()
        if self._interruptible:
            self._interruptible = False
            raise StoppedError

    def _on_reload(self, _number: int, _frame: FrameType | None) -> None:
        self.reload_wanted = True
        self._wake.set()
