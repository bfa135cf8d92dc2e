"""Lines that wait for a net, in batches of one width that form by themselves."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

_RUN = 32
"""So many batches of one width follow each other at most, while others wait."""


class Batches(Generic[T]):
    """Pieces by width. `add` and `flush` say how many calls of `take` they make due; so many find something.

    Batches of one width are taken one after the other: a net that was just called with another shape takes longer, on a
    CPU by a fifth (docs/lab/performance.md).
    """

    def __init__(self, size: Callable[[int], int]) -> None:
        """Let a batch have as many pieces as `size` says of their width."""
        self._size = size
        self._lock = threading.Lock()
        self._waiting: defaultdict[int, deque[tuple[int, T]]] = defaultdict(deque)
        self._added = 0
        self._due = 0
        self._width, self._run = 0, 0
        """Of the last batch, and how many of it there have been in a row."""

    def add(self, pieces: Iterable[tuple[int, T]]) -> int:
        """Let pieces wait, each given with its width. Return how many full batches there are more to take."""
        with self._lock:
            for width, piece in pieces:
                self._waiting[width].append((self._added, piece))
                self._added += 1
            return self._now_due(sum(len(pieces) // self._size(width) for width, pieces in self._waiting.items()))

    def flush(self) -> int:
        """Return how many batches there are more to take if none waits to be full."""
        with self._lock:
            return self._now_due(sum(-(-len(pieces) // self._size(width)) for width, pieces in self._waiting.items()))

    def take(self) -> list[T]:
        """Return the next batch: a full one where there is one, then the longest that has waited."""
        with self._lock:
            self._due -= 1
            width = self._next_width()
            self._run = self._run + 1 if width == self._width else 1
            self._width = width
            pieces = self._waiting[width]
            batch = [pieces.popleft()[1] for _ in range(min(self._size(width), len(pieces)))]
            if not pieces:
                del self._waiting[width]
        return batch

    def _next_width(self) -> int:
        full = [width for width, pieces in self._waiting.items() if len(pieces) >= self._size(width)]
        if self._width in full and self._run < _RUN:
            return self._width
        return min(full or self._waiting, key=lambda width: self._waiting[width][0][0])

    def _now_due(self, batches: int) -> int:
        more = max(batches - self._due, 0)
        self._due += more
        return more
