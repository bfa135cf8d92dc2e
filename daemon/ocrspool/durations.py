"""How long something takes, in words for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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


def to_go(job: Mapping[str, Any], at: float) -> str:
    """Return in words what a file in work waits for, or how long the rest takes if it goes on as it did.

    `job` is what Progress.told says of it; `at` is when that was said, in seconds of the epoch.
    """
    read, pages = job["read"], job["pages"]
    if pages is None:
        return "waits for a decoder" if job["since"] is None else "is opened"
    if read == 0:
        return ""
    return "writing" if read == pages else f"about {in_words((at - job['since']) / read * (pages - read))}"
