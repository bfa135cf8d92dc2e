"""Publishes the state of the service: to systemd, to `status.json`, and to the threads that answer HTTP.

It publishes when something has changed, at most once a second.
"""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from ocrspool.files import atomic
from ocrspool.formatting import parse_rfc3339
from ocrspool.observability import inbox_summary
from ocrspool.observability.snapshot import (
    LONGEST_SILENCE_SECONDS,
    EngineStatus,
    JobProgress,
    ServiceStatus,
    StatusSnapshot,
)
from ocrspool.observability.statistics import KEPT, Count, JobStatistics
from ocrspool.results import engine_label
from ocrspool.results.reason import Failure

_log = logging.getLogger(__name__)

_LEAST_SECONDS = 1.0


class Systemd(Protocol):
    """What is told to systemd (observability/systemd.py)."""

    keepalive_seconds: float | None
    """How often systemd wants a keepalive; None for never."""

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows."""

    def keepalive(self) -> None:
        """Show the watchdog that all is well."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the parts of a snapshot come from that are not in a ServiceStatus."""

    engine: EngineStatus
    start: Mapping[str, float]
    """Seconds of each stage of the start."""
    statistics: JobStatistics
    failed_before: Callable[[], Iterable[Failure]] = tuple
    """Returns the failures that lie in failed/."""
    free_memory: Callable[[], int | None] = lambda: None
    """Returns the bytes of memory that are left. It may raise OSError."""


class StatusPublisher:
    """Keepalive and status, each as often as it is due. Belongs to the main thread."""

    def __init__(
        self, systemd: Systemd, runtime: Path, sources: Sources, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._systemd = systemd
        self._file = runtime / "status.json"
        self._sources = sources
        self._statistics = sources.statistics
        self._clock = clock
        self._began = round(time.time(), 3)
        self._snapshot: StatusSnapshot | None = None
        self._state = "ready"
        self._published: tuple[ServiceStatus, Count, tuple[JobProgress, ...]] | None = None
        self._published_at = self._kept_alive_at = -math.inf

    @property
    def snapshot(self) -> StatusSnapshot:
        """What was published last. Other threads may ask. Nothing is asked before the first `publish`."""
        assert self._snapshot is not None  # noqa: S101 - see above
        return self._snapshot

    def keepalive(self, alive: Callable[[], bool]) -> None:
        """Show systemd's watchdog that all is well, twice as often as it asks, but not while something is stuck.

        `alive` is asked only when that is due: the main loop calls this several times for each file.
        """
        every = self._systemd.keepalive_seconds
        now = self._clock()
        if every is not None and now >= self._kept_alive_at + every:
            self._kept_alive_at = now
            if alive():
                self._systemd.keepalive()

    def publish(self, look: Callable[[], ServiceStatus], *, at_once: bool = False) -> None:
        """Look, and publish what has changed, unless the last time was a moment ago. With `at_once` do so even then."""
        since = self._clock() - self._published_at
        if since < _LEAST_SECONDS and not at_once:
            return
        standing = look()
        total, jobs = self._statistics.total(), self._statistics.jobs()
        current = (standing, total, jobs)
        if current == self._published and since < LONGEST_SILENCE_SECONDS:
            return
        self._published, self._published_at = current, self._clock()
        self._log_change(standing)
        snapshot = self._snapshot = self._made(standing, jobs)
        self._systemd.status(status_line(snapshot, total))
        with suppress(OSError):  # a full disk must not stop the service for want of its status
            atomic.write(self._file, json.dumps(snapshot, default=_fields).encode(), durable=False)

    def _made(self, standing: ServiceStatus, jobs: tuple[JobProgress, ...]) -> StatusSnapshot:
        statistics = self._statistics
        files_per_minute, pages_per_second = statistics.rates()
        return StatusSnapshot(
            **{field.name: getattr(standing, field.name) for field in fields(ServiceStatus)},
            pid=os.getpid(),
            at=round(time.time(), 3),
            began=self._began,
            engine=self._sources.engine,
            start=self._sources.start,
            free_memory_bytes=self._memory_left(),
            jobs=jobs,
            files_per_minute=files_per_minute,
            pages_per_second=pages_per_second,
            by_minute=statistics.by_minute(),
            since_start=statistics.by_inbox(),
            stages=statistics.stages(),
            drop_to_result=statistics.drop_to_result(),
            last_documents=statistics.documents(),
            last_failures=_newest(statistics.failures(), self._sources.failed_before()),
        )

    def _memory_left(self) -> int | None:
        try:
            return self._sources.free_memory()
        except OSError:
            return None

    def _log_change(self, standing: ServiceStatus) -> None:
        state = standing.state
        if state == "degraded" != self._state:
            what = (
                "; ".join([*_idle(standing), *_short(standing)])
                or "no worker has an engine, or a CPU reads in place of a GPU; the cause is logged before this"
            )
            _log.warning("degraded: %s", what, extra={"event": "degraded"})
        elif state == "ready" != self._state:
            _log.info("ready again", extra={"event": "ready"})
        self._state = state

    def due_in(self, look: Callable[[], ServiceStatus]) -> float:
        """Return in how many seconds there will be something to publish, if nothing happens before.

        Look only where it matters: nothing is published for a moment after the last time, whatever has changed.
        """
        now = self._clock()
        due = [self._published_at + _LEAST_SECONDS]
        if now >= due[0]:
            standing = look()
            changed = self._published is None or (standing, self._statistics.total()) != self._published[:2]
            if not changed:
                due = [self._published_at + LONGEST_SILENCE_SECONDS]
            if standing.in_work:  # reading a page wakes nobody
                due.append(now + _LEAST_SECONDS)
        if self._systemd.keepalive_seconds is not None:
            due.append(self._kept_alive_at + self._systemd.keepalive_seconds)
        return min(due) - now

    def close(self) -> None:
        """Remove the status file: nobody serves any more."""
        with suppress(OSError):
            self._file.unlink(missing_ok=True)


def _fields(part: Any) -> dict[str, Any]:  # noqa: ANN401 - a dataclass
    """Return a part of a snapshot as JSON has it. `asdict` copies all that is in it first, of each job in work."""
    return {field.name: getattr(part, field.name) for field in fields(part)}


def status_line(snapshot: StatusSnapshot, total: Count) -> str:
    """Return the line that `systemctl status` shows."""
    parts = [
        snapshot.state,
        *([engine_label.label(snapshot.engine)] if snapshot.engine is not None else []),
        f"{snapshot.waiting} waiting, {snapshot.in_work} in work, {total.done} done, {total.failed} failed",
        f"{snapshot.pages_per_second:.1f} pages/s",
    ]
    if snapshot.lack:
        parts.append(f"claims nothing: {snapshot.lack}")
    parts += [*_idle(snapshot), *_short(snapshot)]
    for name, queue in snapshot.queues.items():
        if told := inbox_summary.unclaimable(queue):
            parts.append(f"inbox {name}: {told}")
    if snapshot.reload_refused:
        parts.append(f"reload refused: {snapshot.reload_refused}")
    return " · ".join(parts)


def _idle(standing: ServiceStatus) -> list[str]:
    """Return, in words, each inbox that does not serve and why."""
    return [
        f"inbox {name} {inbox_summary.line(inbox)}"
        for name, inbox in standing.inboxes.items()
        if inbox.state != "serves"
    ]


def _short(standing: ServiceStatus) -> list[str]:
    """Return, in words, which hosts are missing."""
    cluster = standing.cluster
    return [f"hosts are missing: {cluster.short}"] if cluster is not None and cluster.short else []


def _newest(since_start: Iterable[Failure], before: Iterable[Failure]) -> tuple[Failure, ...]:
    """Return the last failures, newest first, each job's once."""
    known = {(failure.file, failure.job): failure for failure in (*before, *since_start)}
    newest = sorted(known.values(), key=_failed_at, reverse=True)
    return tuple(newest[:KEPT])


def _failed_at(failure: Failure) -> float:
    """Return when it failed; what does not say so comes last."""
    at = parse_rfc3339(failure.failed_at)
    return -math.inf if at == math.inf else at
