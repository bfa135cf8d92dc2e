"""Threads of one inbox that take many short steps on its disk do so one after the other.

Python lends its one lock to another thread at each system call. Two threads that both make many short calls hand it to
each other at every one, which costs more than the calls do. Nothing depends on a turn: a thread that gets none soon, as
another one waits for a disk during its own, goes on without it.
"""

from __future__ import annotations

import threading

_MOST_SECONDS = 0.02


class Turns:
    """Use it in a `with` around each run of short steps, never around a wait for the disk, and never twice."""

    __slots__ = ("_holder", "_lock", "_most_seconds")

    def __init__(self, most_seconds: float = _MOST_SECONDS) -> None:
        """`most_seconds` is how long a thread waits for its turn."""
        self._most_seconds = most_seconds
        self._lock = threading.Lock()
        self._holder = 0
        """The thread that has the turn; 0: none."""

    def __enter__(self) -> None:
        """Wait for the turn, but not for long."""
        if self._lock.acquire(timeout=self._most_seconds):
            self._holder = threading.get_ident()

    def __exit__(self, *_: object) -> None:
        """Let the next thread have the turn."""
        if self._holder == threading.get_ident():
            self._holder = 0
            self._lock.release()
