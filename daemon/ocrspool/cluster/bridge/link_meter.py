"""How many bytes a second the way to a host carries, measured by what travels there anyway. Pure.

Pages and files that travel at the same time share the way. So what counts is all their bytes, divided by the time in
which any of them travelled. What is small says more of the time of a call than of the way, and does not count alone.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_MOST = 32
_RECENT_SECONDS = 30.0
"""So many transfers, and none that is older, make up the figure."""
_LEAST_BYTES, _LONG_SECONDS = 1 << 20, 0.3
"""Less than that is a measurement only where it took long."""
_SMALL_BYTES = 64 << 10
"""What is smaller tells nothing, however long it took."""
_SHORTEST_SECONDS = 1e-4


class LinkMeter:
    """The way to one host."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock` tells the time of the epoch."""
        self._clock = clock
        self._transfers: deque[tuple[float, float, int]] = deque(maxlen=_MOST)
        self._call_seconds = float("inf")
        self.bytes_per_second = 0.0
        """0 while it was not measured."""
        self.measured = 0.0
        """When, in seconds of the epoch."""

    def note_call(self, seconds: float) -> None:
        """Take note of what a call without data took. The shortest one is not counted as time of a transfer."""
        self._call_seconds = min(self._call_seconds, seconds)

    def set(self, bytes_per_second: float) -> None:
        """Take a measurement that was made for its own sake."""
        self.bytes_per_second, self.measured = bytes_per_second, self._clock()

    def note_answer(self, began: float, ended: float, answer: Mapping[str, Any], size: int) -> None:
        """Take note of a host's answer to so many bytes. What the host computed meanwhile was no travel.

        An answer that does not tell how long that took tells nothing. Raise TypeError or ValueError for a wrong time.
        """
        if "seconds" in answer:
            self.note(began, ended - float(answer["seconds"]), size)

    def note(self, began: float, ended: float, size: int) -> None:
        """Take note that so many bytes travelled between two moments of one clock."""
        if size < _SMALL_BYTES:
            return
        call = 0.0 if self._call_seconds == float("inf") else self._call_seconds
        self._transfers.append((began, max(began + _SHORTEST_SECONDS, ended - call), size))
        recent = [each for each in self._transfers if each[1] >= ended - _RECENT_SECONDS]
        total, seconds = sum(each[2] for each in recent), _covered(recent)
        if total >= _LEAST_BYTES or seconds >= _LONG_SECONDS:
            self.set(total / seconds)


def _covered(transfers: Iterable[tuple[float, float, int]]) -> float:
    """Return the seconds in which anything travelled."""
    seconds, until = 0.0, float("-inf")
    for began, ended, _ in sorted(transfers):
        seconds += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return seconds
