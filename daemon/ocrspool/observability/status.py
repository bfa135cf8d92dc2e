"""Publish the state of the service to systemd and `ocrspool status` when it changes, at most once a second."""

from __future__ import annotations

import json
import logging
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ocrspool.files import atomic
from ocrspool.observability import inbox_summary
from ocrspool.observability.statistics import Count, JobStatistics
from ocrspool.observability.systemd import Notifier
from ocrspool.results import engine_label
from ocrspool.results.schema import Engine

_log = logging.getLogger(__name__)

_LEAST_SECONDS = 1.0
_MOST_SECONDS = 60.0
"""The rate falls while nothing happens; this often that is told too."""


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """What is told as soon as it changes."""

    state: str
    """ready, degraded (no worker has an engine, a CPU stands in for a GPU, an inbox does not serve) or stopping."""
    waiting: int
    in_work: int
    workers: tuple[int, ...]
    """Process ids."""
    worker_restarts: int
    shortage_reason: str = ""
    """Why nothing is claimed; "" when files are."""
    queues: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of each inbox: how many files are `waiting`, since when the `oldest` is (seconds of the epoch, or None), and how
    many are `open`: they wait for the program that writes them."""
    overflows: int = 0
    """Times that the kernel lost events."""
    engines: tuple[dict[str, Any], ...] = ()
    """What reads now, one for each device; it may be another than at the start, where a CPU stands in for a GPU."""
    inboxes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """How each inbox is: `state` (serves, waits, hangs), `reason`, `since`, `stalled` (see service/inbox_thread.py)."""
    reload_refused: str = ""
    """Why the last reload was refused: the configuration that is in use is not the one in the file; "" otherwise."""

    def idle(self) -> dict[str, str]:
        """Return, in words, why each inbox that does not serve does not."""
        return {name: inbox_summary.line(inbox) for name, inbox in self.inboxes.items() if inbox["state"] != "serves"}


class StatusPublisher:
    """Keepalive and status, each as often as it is due. Belongs to the main thread."""

    def __init__(
        self, notifier: Notifier, runtime: Path, engine: Engine, statistics: JobStatistics, start: dict[str, float]
    ) -> None:
        self._notifier = notifier
        self._file = runtime / "status.json"
        self._engine = asdict(engine)
        self._statistics = statistics
        self._start = start
        """Seconds of each stage of the start, so that a slow one can be explained a week later."""
        self._began = round(time.time(), 3)
        self.facts: dict[str, Any] = {}
        """What was published last: a new one each time, so that other threads may read it."""
        self._state = "ready"
        self._told: tuple[ServiceStatus, Count, list[dict[str, Any]]] | None = None
        self._told_at = 0.0
        self._kept_alive_at = 0.0

    def keepalive(self, *, alive: bool) -> None:
        """Show systemd's watchdog that all is well, twice as often as it asks, but not while something is stuck."""
        every = self._notifier.keepalive_seconds
        now = time.monotonic()
        if every is not None and now >= self._kept_alive_at + every:
            self._kept_alive_at = now
            if alive:
                self._notifier.keepalive()

    def publish(self, standing: ServiceStatus, *, at_once: bool = False) -> None:
        """Tell what has changed, unless the last time was a moment ago; `at_once` even then."""
        since = time.monotonic() - self._told_at
        if since < _LEAST_SECONDS and not at_once:
            return
        total, jobs = self._statistics.total(), self._statistics.jobs()
        current = (standing, total, jobs)
        if current == self._told and since < _MOST_SECONDS:
            return
        self._told, self._told_at = current, time.monotonic()
        self._log_change(standing)
        pace = self._statistics.pace()
        rate = pace["pages_per_second"]
        self._notifier.status(
            f"{standing.state} · {engine_label.label(self._engine)} · {standing.waiting} waiting, "
            f"{standing.in_work} in work, {total.done} done, {total.failed} failed · {rate:.1f} pages/s"
            + (f" · claims nothing: {standing.shortage_reason}" if standing.shortage_reason else "")
            + "".join(f" · inbox {name} {why}" for name, why in standing.idle().items())
            + (f" · reload refused: {standing.reload_refused}" if standing.reload_refused else "")
        )
        self.facts = {
            "pid": os.getpid(),
            "at": round(time.time(), 3),
            "began": self._began,
            **asdict(standing),
            "engine": self._engine,
            "start": self._start,
            "jobs": jobs,
            **pace,
            "since_start": self._statistics.by_inbox(),
            "stages": self._statistics.stages(),
            "last_documents": self._statistics.documents(),
            "last_failures": self._statistics.failures(),
        }
        with suppress(OSError):  # a full disk must not stop the service for want of its status
            atomic.write(self._file, json.dumps(self.facts).encode(), durable=False)

    def _log_change(self, standing: ServiceStatus) -> None:
        state = standing.state
        if state == "degraded" != self._state:
            idle = standing.idle()
            what = (
                "; ".join(f"inbox {name} {why}" for name, why in idle.items())
                or "no worker has an engine, or a CPU reads in place of a GPU; the cause is logged before this"
            )
            _log.warning("degraded: %s", what, extra={"event": "degraded"})
        elif state == "ready" != self._state:
            _log.info("ready again", extra={"event": "ready"})
        self._state = state

    def due_in(self, standing: ServiceStatus) -> float:
        """Return in how many seconds there will be something to tell, if nothing happens before."""
        now = time.monotonic()
        changed = self._told is None or (standing, self._statistics.total()) != self._told[:2]
        due = [self._told_at + (_LEAST_SECONDS if changed else _MOST_SECONDS)]
        if standing.in_work:  # its pages are read without a word
            due.append(now + _LEAST_SECONDS)
        if self._notifier.keepalive_seconds is not None:
            due.append(self._kept_alive_at + self._notifier.keepalive_seconds)
        return min(due) - now

    def close(self) -> None:
        """Take the status away: nobody is serving any more."""
        with suppress(OSError):
            self._file.unlink(missing_ok=True)
