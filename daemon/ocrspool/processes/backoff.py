"""Pauses between the tries of something that may come back by itself."""

from __future__ import annotations

import math


class Backoff:
    """Each pause is twice as long as the one before, up to the longest. Only one thread may use it at a time."""

    def __init__(self, first: float, longest: float = math.inf) -> None:
        """Both are in seconds."""
        self._first = first
        self._longest = longest
        self._next = first

    def next(self) -> float:
        """Return how long to wait now."""
        pause = self._next
        self._next = min(pause * 2, self._longest)
        return pause

    def reset(self) -> None:
        """Begin again with the first pause: a try has succeeded."""
        self._next = self._first
