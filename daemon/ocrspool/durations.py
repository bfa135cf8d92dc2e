"""How long something takes, in words for a person."""

from __future__ import annotations

_MINUTE, _HOUR = 60, 3600
_FROM_MINUTES = 90
"""Seconds from which minutes are exact enough, and minutes from which hours are said."""


def in_words(seconds: float) -> str:
    """Return for instance "8 s", "15 min" or "1 h 40 min"."""
    if seconds < _FROM_MINUTES:
        return f"{round(seconds)} s"
    minutes = round(seconds / _MINUTE)
    if minutes < _FROM_MINUTES:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, _HOUR // _MINUTE)
    return f"{hours} h {minutes} min"


def left(seconds: float, done: int, total: int) -> float | None:
    """Return how long the rest takes if it goes on as it did for so many seconds; None before anything is done."""
    return seconds / done * (total - done) if done > 0 else None
