"""What the running service is doing and has done: attempts, counts, throughput, last failures."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from ocrspool.observability.throughput import Throughput

_KEPT = 10
"""Failures, and documents."""
_MOST_CODES, _OTHER = 50, "other"
"""Codes of warnings that are counted each for itself, and what the rest is counted as: a decoder that its document has
taken over may make up as many as it likes."""
_BOUNDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Seconds: the buckets into which the stages of documents fall, three times as wide each."""


@dataclass(slots=True)
class Count:
    """Since the service started."""

    done: int = 0
    partial: int = 0
    failed: int = 0
    pages: int = 0
    warned: int = 0
    """Delivered documents that have warnings."""
    warnings: dict[str, int] = field(default_factory=dict)
    """Code → how many documents have a warning of it."""

    def warn(self, codes: Collection[str]) -> None:
        """Count a document with warnings of these codes; none is a document without any."""
        self.warned += bool(codes)
        for code in codes:
            known = code in self.warnings or len(self.warnings) < _MOST_CODES
            counted = code if known else _OTHER
            self.warnings[counted] = self.warnings.get(counted, 0) + 1

    def add(self, other: Count) -> None:
        """Add what another one has counted."""
        self.done += other.done
        self.partial += other.partial
        self.failed += other.failed
        self.pages += other.pages
        self.warned += other.warned
        for code, documents in other.warnings.items():
            self.warnings[code] = self.warnings.get(code, 0) + documents


@dataclass(slots=True)
class Histogram:
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


class ActiveAttempt(Protocol):
    """One job that is being read."""

    def snapshot(self) -> dict[str, Any]:
        """Return how far it is, for people who look on."""


@dataclass(slots=True)
class JobStatistics:
    """Counts outcomes. Safe to use from several threads."""

    _inboxes: dict[str, Count] = field(default_factory=dict)
    _stages: dict[str, Histogram] = field(default_factory=dict)
    _attempts: dict[int, ActiveAttempt] = field(default_factory=dict)
    """By identity: which one it is that ends has nothing to do with what it says."""
    _throughput: Throughput = field(default_factory=Throughput)
    _failures: deque[Mapping[str, Any]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _documents: deque[Mapping[str, Any]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def watching(self, attempt: ActiveAttempt) -> Iterator[None]:
        """Count an attempt among those that are going on, as long as it does."""
        with self._lock:
            self._attempts[id(attempt)] = attempt
        try:
            yield
        finally:
            with self._lock:
                del self._attempts[id(attempt)]

    def done(self, document: Mapping[str, Any], seconds: Mapping[str, float]) -> None:
        """Count one delivered document, told as by `assemble.summary`, and the seconds that each stage took of it."""
        with self._lock:
            count = self._inboxes.setdefault(document["inbox"], Count())
            count.done += 1
            count.partial += bool(document["lost"])
            count.pages += document["pages"]
            count.warn(document["warnings"])
            for stage, spent in seconds.items():
                self._stages.setdefault(stage, Histogram()).add(spent)
            self._throughput.add(document["pages"])
            self._documents.append(document)

    def failed(self, failure: Mapping[str, Any]) -> None:
        """Count one failed file, told by its reason."""
        with self._lock:
            self._inboxes.setdefault(failure["inbox"], Count()).failed += 1
            self._throughput.add(0)
            self._failures.append(failure)

    def jobs(self) -> list[dict[str, Any]]:
        """Return how far each attempt is that is going on, in the order in which they began."""
        with self._lock:
            attempts = list(self._attempts.values())
        return [attempt.snapshot() for attempt in attempts]

    def pace(self) -> dict[str, Any]:
        """Return the rates of the last minute, and what came out in each minute of the last hour."""
        with self._lock:
            return {
                "files_per_minute": round(self._throughput.files_per_minute(), 1),
                "pages_per_second": round(self._throughput.pages_per_second(), 2),
                "by_minute": self._throughput.by_minute(),
            }

    def total(self) -> Count:
        """Return the counts of all inboxes together."""
        total = Count()
        with self._lock:
            for count in self._inboxes.values():
                total.add(count)
        return total

    def by_inbox(self) -> dict[str, dict[str, int]]:
        """Return the counts of each inbox."""
        with self._lock:
            return {name: asdict(count) for name, count in self._inboxes.items()}

    def stages(self) -> dict[str, dict[str, Any]]:
        """Return how long each stage took of the documents that were delivered."""
        with self._lock:
            return {stage: asdict(spread) for stage, spread in self._stages.items()}

    def failures(self) -> list[Mapping[str, Any]]:
        """Return the last failures, newest first."""
        with self._lock:
            return list(reversed(self._failures))

    def documents(self) -> list[Mapping[str, Any]]:
        """Return the last documents that were delivered, newest first."""
        with self._lock:
            return list(reversed(self._documents))
