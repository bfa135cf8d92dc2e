"""What waits to be read by a net, in batches of one width that form by themselves.

Nothing waits for a batch to fill: whoever has time for a call takes the fullest there is to have. So batches are small
when there is little to do, and full when the net is what everything waits for.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Batches(Generic[T]):
    """Pieces by width. Each `add` says how many calls of `take` it makes due; so many find something."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._waiting: defaultdict[int, deque[tuple[int, T]]] = defaultdict(deque)
        self._number = 0

    def add(self, pieces: Iterable[tuple[int, T]]) -> int:
        """Let pieces wait, each given with its width. Return how many batches there are more to take."""
        due = 0
        with self._lock:
            for width, piece in pieces:
                due += len(self._waiting[width]) % self._size == 0
                self._waiting[width].append((self._number, piece))
                self._number += 1
        return due

    def take(self) -> list[T]:
        """Return the next batch, of one width: of the full ones, or else of all, what has waited for longest."""
        with self._lock:
            full = [width for width, pieces in self._waiting.items() if len(pieces) >= self._size]
            width = min(full or self._waiting, key=lambda width: self._waiting[width][0][0])
            pieces = self._waiting[width]
            batch = [pieces.popleft()[1] for _ in range(min(self._size, len(pieces)))]
            if not pieces:
                del self._waiting[width]
        return batch
