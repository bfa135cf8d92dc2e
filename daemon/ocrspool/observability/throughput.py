"""Throughput: rates of the last minute, and the output of each minute of the last hour."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from ocrspool.observability.snapshot import ByMinute

_RATE_SECONDS = 60.0
_MINUTES_KEPT = 60


class Throughput:
    """Counts files and pages as they come out. Only one thread may use it at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._recent: deque[tuple[float, int]] = deque()
        """When each file of the last minute came out, and its pages."""
        self._minutes: deque[tuple[int, int, int]] = deque(maxlen=_MINUTES_KEPT)
        """The number of each minute in which anything came out, its files, its pages."""

    def add(self, pages: int) -> None:
        """Count one file that came out now, and its pages."""
        now = self._clock()
        self._recent.append((now, pages))
        self._forget(now)
        minute = int(now // 60)
        last, files, before = self._minutes[-1] if self._minutes else (-1, 0, 0)
        if last == minute:
            self._minutes[-1] = (minute, files + 1, before + pages)
        else:
            self._minutes.append((minute, 1, pages))

    def files_per_minute(self) -> float:
        """Return the rate over the last minute, or over the time since the first file if that is less."""
        seconds = self._seconds()
        return 60 * len(self._recent) / seconds

    def pages_per_second(self) -> float:
        """Return the rate over the same time."""
        seconds = self._seconds()
        return sum(pages for _, pages in self._recent) / seconds

    def by_minute(self) -> ByMinute:
        """Return what came out in each minute of the last hour. The present minute is the last."""
        minute = int(self._clock() // 60)
        found = {number: (files, pages) for number, files, pages in self._minutes}
        hour = [found.get(number, (0, 0)) for number in range(minute - _MINUTES_KEPT + 1, minute + 1)]
        return ByMinute(tuple(files for files, _ in hour), tuple(pages for _, pages in hour))

    def _seconds(self) -> float:
        """Return the number of seconds that the rates are about; at least one."""
        now = self._clock()
        self._forget(now)
        return max(now - self._recent[0][0], 1.0) if self._recent else 1.0

    def _forget(self, now: float) -> None:
        while self._recent and self._recent[0][0] < now - _RATE_SECONDS:
            self._recent.popleft()
