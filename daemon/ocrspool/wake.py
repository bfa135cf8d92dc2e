"""A flag that ends a wait: set by watch events, finished jobs and signal handlers alike.

An eventfd instead of threading.Event: its lock may be held by the very thread that a signal handler interrupts.
"""

from __future__ import annotations

import contextlib
import os
import select


class Wake:
    """Set from anywhere, waited for by the main loop."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def set(self) -> None:
        """End the current or the next wait."""
        with contextlib.suppress(BlockingIOError):  # the counter is full: it is set more than enough
            os.eventfd_write(self._fd, 1)

    def wait(self, seconds: float) -> bool:
        """Wait until set, at most so long; clear it and tell whether it was set."""
        ready, _, _ = select.select([self._fd], [], [], max(0.0, seconds))
        if ready:
            os.eventfd_read(self._fd)
        return bool(ready)

    def close(self) -> None:
        """Release the descriptor."""
        os.close(self._fd)
