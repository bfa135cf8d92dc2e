"""What an examination says.

The schema in `ocrspool schema doctor` is generated from these classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "problem"]
"""problem: what is configured cannot work. note: worth knowing, or a problem for something that is not configured."""

Group = Literal[
    "program", "configuration", "permissions", "processor", "gpu", "runtimes", "combinations", "engines", "cluster"
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    group: Group
    level: Level
    name: str
    """What was looked at, in a few words. It stays the same, for programs."""
    found: str
    advice: str = ""
    """What to do about it; empty where nothing has to be done."""


@dataclass(frozen=True, slots=True)
class Report:
    """The whole examination, as `ocrspool doctor --json` prints it."""

    well: bool
    """Whether no finding is a problem."""
    findings: tuple[Finding, ...]
    schema: Literal["ocrspool-doctor/1"] = "ocrspool-doctor/1"


def report_of(findings: Sequence[Finding]) -> Report:
    """Return the report with these findings."""
    return Report(not any(finding.level == "problem" for finding in findings), tuple(findings))
