"""Numbers, durations and moments, written for people and for files."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Protocol

_MINUTE, _HOUR = 60, 3600
_FROM_MINUTES = 90
"""Seconds from which minutes are exact enough, and minutes from which hours are said."""


def format_duration(seconds: float) -> str:
    """Return for instance "8 s", "15 min" or "1 h 40 min"."""
    if seconds < _FROM_MINUTES:
        return f"{round(seconds)} s"
    minutes = round(seconds / _MINUTE)
    if minutes < _FROM_MINUTES:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, _HOUR // _MINUTE)
    return f"{hours} h {minutes} min"


class InProgress(Protocol):
    """A file that is being read."""

    @property
    def since(self) -> float | None:
        """When reading began, in seconds of the epoch; None while the file waits for a decoder."""

    @property
    def pages(self) -> int | None:
        """How many pages it has; None before it is open."""

    @property
    def read(self) -> int:
        """How many of them have been read."""


def format_remaining(job: InProgress, at: float) -> str:
    """Return in words what a file in work waits for, or how long the rest takes at the same speed.

    `at` is when `job` was true, in seconds of the epoch.
    """
    if job.pages is None:
        return "waits for a decoder" if job.since is None else "is opened"
    if job.read == 0 or job.since is None:
        return ""
    if job.read == job.pages:
        return "writing"
    return f"about {format_duration((at - job.since) / job.read * (job.pages - job.read))}"


def rfc3339(at: datetime | None = None) -> str:
    """Return a moment in UTC (now, where none is given) to the millisecond: 2026-01-31T12:00:00.000Z."""
    at = at or datetime.now(timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_rfc3339(moment: str) -> float:
    """Return such a moment in seconds of the epoch; infinity where it is none."""
    try:
        return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return math.inf


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: 1 file, 2 files; `many` where the plural is another than with an s."""
    return f"{number} {one if number == 1 else many or one + 's'}"
