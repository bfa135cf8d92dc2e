"""Moments in the form in which they are published."""

from __future__ import annotations

from datetime import datetime, timezone


def rfc3339(at: datetime | None = None) -> str:
    """Return a moment in UTC (now, where none is given) to the millisecond: 2026-01-31T12:00:00.000Z."""
    at = at or datetime.now(timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
