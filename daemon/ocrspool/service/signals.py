"""The signals that the service obeys. A handler only sets a flag and ends the wait. The main loop reads the flags."""

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
        """A signal sets it, and whoever reloads clears it."""

    def install(self) -> None:
        """Install the signal handlers."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a stop raise StoppedError in code that does not look at the flags: one that comes, or came before."""
        self._interruptible = True
        try:
            if self.stops:
                raise StoppedError
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
