"""A flag that ends a wait. Watch events, finished jobs and signal handlers set it.

It is an eventfd and not a threading.Event, because the thread that a signal handler interrupts may hold the lock of the
latter.
"""

from __future__ import annotations

import contextlib
import os
import select

_CLOSED = -1


class WakeupEvent:
    """Set from anywhere, waited for by the main loop."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._is_set = False
        """Whether it has been set since the last wait: a file sets it many times, and each write is a system call."""

    def set(self) -> None:
        """End the current or the next wait. Once it is closed, nothing waits."""
        if self._fd == _CLOSED or self._is_set:
            return
        self._is_set = True
        with contextlib.suppress(BlockingIOError):  # the counter is full: it is set more than enough
            os.eventfd_write(self._fd, 1)

    def wait(self, seconds: float, *others: int) -> bool:
        """Wait until set, or until one of the other descriptors can be read, at most so long.

        Clear it and tell whether it was set.
        """
        poller = select.poll()
        for descriptor in (self._fd, *others):
            poller.register(descriptor, select.POLLIN)
        was_set = any(descriptor == self._fd for descriptor, _ in poller.poll(max(0.0, seconds) * 1000))
        if was_set:
            os.eventfd_read(self._fd)
            # In this order: who finds it set in between has made its change, and the waiter has yet to look.
            self._is_set = False
        return was_set

    def close(self) -> None:
        """Release the descriptor. Its number may be that of another file at once, so it is used no more."""
        descriptor, self._fd = self._fd, _CLOSED
        if descriptor != _CLOSED:
            os.close(descriptor)
