"""What the running service is doing and has done: attempts, counts, throughput, last failures."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import accumulate
from typing import Any, Protocol

from ocrspool.observability.snapshot import ByMinute, DeliveredDocument, Durations, InboxCounts, JobProgress
from ocrspool.observability.throughput import Throughput
from ocrspool.results.reason import Failure, PublishedName, failure_from

KEPT = 10
"""How many of the last failures, and of the last documents, are kept."""
_MOST_CODES, _OTHER = 50, "other"
"""How many codes of warnings have a count of their own, and the code for all others. A hostile document can make its
decoder invent any number of codes."""
STAGE_BOUNDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Seconds: the buckets for the stages of documents. Each is three times as wide as the one before."""
DROP_BOUNDS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0, 30_000.0)
"""Seconds: the buckets for the time from the arrival of a file to its result."""


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
    lines: dict[str, int] = field(default_factory=dict)
    """Reader → how many lines it has read."""

    def warn(self, codes: Collection[str]) -> None:
        """Count a document with warnings of these codes; none is a document without any."""
        self.warned += bool(codes)
        for code in codes:
            known = code in self.warnings or len(self.warnings) < _MOST_CODES
            counted = code if known else _OTHER
            self.warnings[counted] = self.warnings.get(counted, 0) + 1

    def read(self, lines: Mapping[str, int]) -> None:
        """Count the lines that each reader has read."""
        for reader, number in lines.items():
            self.lines[reader] = self.lines.get(reader, 0) + number

    def add(self, other: Count) -> None:
        """Add what another one has counted."""
        self.done += other.done
        self.partial += other.partial
        self.failed += other.failed
        self.pages += other.pages
        self.warned += other.warned
        for code, documents in other.warnings.items():
            self.warnings[code] = self.warnings.get(code, 0) + documents
        self.read(other.lines)


@dataclass(slots=True)
class Histogram:
    """How long something took, each time."""

    bounds: tuple[float, ...] = STAGE_BOUNDS
    sum: float = 0.0
    count: int = 0
    between: list[int] = field(init=False)
    """How many took no longer than each bound, and longer than the one before; the last are those beyond all bounds."""

    def __post_init__(self) -> None:
        self.between = [0] * (len(self.bounds) + 1)

    def add(self, seconds: float) -> None:
        """Count one."""
        self.sum += seconds
        self.count += 1
        self.between[bisect_left(self.bounds, seconds)] += 1

    def durations(self) -> Durations:
        """Return what it has counted so far."""
        return Durations(self.sum, self.count, dict(zip(self.bounds, accumulate(self.between), strict=False)))


class ActiveAttempt(Protocol):
    """One job that is being read."""

    def snapshot(self) -> dict[str, Any]:
        """Return how far it is: the attributes of a JobProgress."""


@dataclass(slots=True)
class JobStatistics:
    """Counts outcomes. Safe to use from several threads."""

    _inboxes: dict[str, Count] = field(default_factory=dict)
    _stages: dict[str, Histogram] = field(default_factory=dict)
    _drops: dict[str, Histogram] = field(default_factory=dict)
    """By inbox."""
    _attempts: dict[int, ActiveAttempt] = field(default_factory=dict)
    """By identity: an attempt that ends is removed, whatever it is equal to."""
    _throughput: Throughput = field(default_factory=Throughput)
    _failures: deque[Failure] = field(default_factory=partial(deque[Failure], maxlen=KEPT))
    _documents: deque[DeliveredDocument] = field(default_factory=partial(deque[DeliveredDocument], maxlen=KEPT))
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

    def done(self, document: Mapping[str, Any], seconds: Mapping[str, float], since_drop: float | None = None) -> None:
        """Count one delivered document.

        `document` has the attributes of a DeliveredDocument (`assemble.summary`). `seconds` is how long each stage
        took, `since_drop` how long ago the file arrived, as far as that is known.
        """
        delivered = _delivered(document)
        with self._lock:
            count = self._inboxes.setdefault(delivered.inbox, Count())
            count.done += 1
            count.partial += bool(delivered.lost)
            count.pages += delivered.pages
            count.warn(delivered.warnings)
            count.read(delivered.readers)
            for stage, spent in seconds.items():
                self._stages.setdefault(stage, Histogram()).add(spent)
            if since_drop is not None:
                self._drops.setdefault(delivered.inbox, Histogram(DROP_BOUNDS)).add(max(0.0, since_drop))
            self._throughput.add(delivered.pages)
            self._documents.append(delivered)

    def failed(self, failure: Mapping[str, Any]) -> None:
        """Count one failed file. `failure` is its reason, with the `file` that it is now."""
        file = PublishedName(**failure.get("file", {"path": ""}))
        found = failure_from(failure, file, failure["inbox"], file.path)
        with self._lock:
            self._inboxes.setdefault(found.inbox, Count()).failed += 1
            self._throughput.add(0)
            self._failures.append(found)

    def jobs(self) -> tuple[JobProgress, ...]:
        """Return how far each attempt is that is going on, in the order in which they began."""
        with self._lock:
            attempts = list(self._attempts.values())
        return tuple(JobProgress(**attempt.snapshot()) for attempt in attempts)

    def rates(self) -> tuple[float, float]:
        """Return the files per minute and the pages per second of the last minute."""
        with self._lock:
            return round(self._throughput.files_per_minute(), 1), round(self._throughput.pages_per_second(), 2)

    def by_minute(self) -> ByMinute:
        """Return what came out in each minute of the last hour."""
        with self._lock:
            return self._throughput.by_minute()

    def total(self) -> Count:
        """Return the counts of all inboxes together."""
        total = Count()
        with self._lock:
            for count in self._inboxes.values():
                total.add(count)
        return total

    def by_inbox(self) -> dict[str, InboxCounts]:
        """Return the counts of each inbox."""
        with self._lock:
            return {name: InboxCounts(**asdict(count)) for name, count in self._inboxes.items()}

    def stages(self) -> dict[str, Durations]:
        """Return how long each stage took of the documents that were delivered."""
        with self._lock:
            return {stage: histogram.durations() for stage, histogram in self._stages.items()}

    def drop_to_result(self) -> dict[str, Durations]:
        """Return how long it took from the arrival of a file to its result, by inbox."""
        with self._lock:
            return {inbox: histogram.durations() for inbox, histogram in self._drops.items()}

    def failures(self) -> tuple[Failure, ...]:
        """Return the last failures, newest first."""
        with self._lock:
            return tuple(reversed(self._failures))

    def documents(self) -> tuple[DeliveredDocument, ...]:
        """Return the last documents that were delivered, newest first."""
        with self._lock:
            return tuple(reversed(self._documents))


def _delivered(document: Mapping[str, Any]) -> DeliveredDocument:
    lists = {key: tuple(document.get(key, ())) for key in ("warnings", "outputs")}
    return DeliveredDocument(**{**document, **lists, "result": PublishedName(**document.get("result", {"path": ""}))})
