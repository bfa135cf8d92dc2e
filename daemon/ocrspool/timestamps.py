"""Moments in the form in which they are published."""

from __future__ import annotations

import math
from datetime import datetime, timezone


def rfc3339(at: datetime | None = None) -> str:
    """Return a moment in UTC (now, where none is given) to the millisecond: 2026-01-31T12:00:00.000Z."""
    at = at or datetime.now(timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_of(moment: str) -> float:
    """Return such a moment in seconds of the epoch; infinity where it is none."""
    try:
        return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return math.inf
