"""Threads of one inbox that take many short steps on its disk do so one after the other.

Python lends its one lock to another thread at each system call. Two threads that both make many short calls hand it to
each other at every one, which costs more than the calls do. Nothing depends on a turn: a thread that gets none soon, as
another one waits for a disk during its own, goes on without it.
"""

from __future__ import annotations

import threading
from collections import deque

_MOST_SECONDS = 0.02
_MOST_WAITING = 10
"""A turn takes about a millisecond where the disk is not slow, so even the last of 200 threads gets one in time. With a
slow disk each step of a job takes 0.2 s longer at most, and other jobs use that time."""


class Turns:
    """Use it in a `with` around each run of short steps, never around a wait for the disk, and never twice."""

    __slots__ = ("_holder", "_lock", "_most_seconds", "_waiting")

    def __init__(self, most_seconds: float = _MOST_SECONDS) -> None:
        """`most_seconds` is how long a thread waits for its turn, for each thread that waits, up to 10 times that."""
        self._most_seconds = most_seconds
        self._lock = threading.Lock()
        self._waiting: deque[None] = deque()
        """One entry for each thread that waits. Threads may change it at the same time, unlike a number."""
        self._holder = 0
        """The thread that has the turn; 0: none."""

    def __enter__(self) -> None:
        """Wait for the turn, but not for long."""
        self._waiting.append(None)
        try:
            if self._lock.acquire(timeout=self._most_seconds * min(len(self._waiting), _MOST_WAITING)):
                self._holder = threading.get_ident()
        finally:
            self._waiting.pop()

    def __exit__(self, *_: object) -> None:
        """Let the next thread have the turn."""
        if self._holder == threading.get_ident():
            self._holder = 0
            self._lock.release()
