"""The findings of an examination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "problem"]
"""problem: what is configured cannot work. note: worth knowing, or in the way of something not configured."""

Group = Literal["program", "configuration", "permissions", "processor", "gpu", "runtimes", "combinations", "engines"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    group: Group
    level: Level
    name: str
    """What was looked at, in a word or a few; stable, for programs."""
    found: str
    advice: str = ""
    """What to do about it; empty where nothing is."""
