"""What the running service has done: counts, rate, last failures. Published in a file for `ocrspool status`."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

_RATE_SECONDS = 60.0
_FAILURES_KEPT = 10
_BOUNDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Seconds: the buckets into which the stages of documents fall, three times as wide each."""


@dataclass(slots=True)
class Count:
    """Since the service started."""

    done: int = 0
    partial: int = 0
    failed: int = 0
    pages: int = 0


@dataclass(slots=True)
class Spread:
    """How long something took, each time."""

    sum: float = 0.0
    count: int = 0
    up_to: dict[float, int] = field(default_factory=lambda: dict.fromkeys(_BOUNDS, 0))
    """Seconds → how many took no longer; what took longer than all of them is in `count` only."""

    def add(self, seconds: float) -> None:
        """Count one."""
        self.sum += seconds
        self.count += 1
        for bound in self.up_to:
            self.up_to[bound] += seconds <= bound


@dataclass(slots=True)
class Tally:
    """Counts outcomes. Safe to use from several threads."""

    _inboxes: dict[str, Count] = field(default_factory=dict)
    _stages: dict[str, Spread] = field(default_factory=dict)
    _recent: deque[tuple[float, int]] = field(default_factory=deque)
    _failures: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_FAILURES_KEPT))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def done(self, inbox: str, pages: int, *, partial: bool, seconds: Mapping[str, float] | None = None) -> None:
        """Count one delivered document, and the seconds that each stage took of it."""
        now = time.monotonic()
        with self._lock:
            count = self._inboxes.setdefault(inbox, Count())
            count.done += 1
            count.partial += partial
            count.pages += pages
            for stage, spent in (seconds or {}).items():
                self._stages.setdefault(stage, Spread()).add(spent)
            self._recent.append((now, pages))
            while self._recent[0][0] < now - _RATE_SECONDS:
                self._recent.popleft()

    def failed(self, inbox: str, failure: dict[str, Any]) -> None:
        """Count one failed file."""
        with self._lock:
            self._inboxes.setdefault(inbox, Count()).failed += 1
            self._failures.append(failure)

    def pages_per_second(self) -> float:
        """Return the rate over the last minute, or over the time since work began where that is less."""
        now = time.monotonic()
        with self._lock:
            recent = [(at, pages) for at, pages in self._recent if at >= now - _RATE_SECONDS]
        if not recent:
            return 0.0
        return sum(pages for _, pages in recent) / max(now - recent[0][0], 1.0)

    def total(self) -> Count:
        """Return the counts of all inboxes together."""
        with self._lock:
            counts = list(self._inboxes.values())
        return Count(
            sum(count.done for count in counts),
            sum(count.partial for count in counts),
            sum(count.failed for count in counts),
            sum(count.pages for count in counts),
        )

    def by_inbox(self) -> dict[str, dict[str, int]]:
        """Return the counts of each inbox."""
        with self._lock:
            return {name: asdict(count) for name, count in self._inboxes.items()}

    def stages(self) -> dict[str, dict[str, Any]]:
        """Return how long each stage took of the documents that were delivered."""
        with self._lock:
            return {stage: asdict(spread) for stage, spread in self._stages.items()}

    def failures(self) -> list[dict[str, Any]]:
        """Return the last failures, newest first."""
        with self._lock:
            return list(reversed(self._failures))
