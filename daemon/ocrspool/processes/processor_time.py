"""Whether a process waits for a processor. On a machine that is busy with other things slow is not dead."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_LOOK_SECONDS = 0.5
_MOST_TIMES = 10
"""A process that gets no processor is waited for so many times as long as another one."""
_LEAST_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class ProcessorUse:
    """What a process does at one moment."""

    state: str
    """Of its first thread: "R" where it runs or waits for a processor (proc(5))."""
    seconds: float
    """The processor time that it has had."""


def use_of(pid: int) -> ProcessorUse | None:
    """Return what /proc says of a process; None where it has gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return ProcessorUse(fields[0], (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return None


def is_starved(before: ProcessorUse | None, after: ProcessorUse | None, seconds: float) -> bool:
    """Tell whether it wanted a processor between two looks, so many seconds apart, and had none most of the time."""
    if before is None or after is None or "R" not in (before.state, after.state):
        return False
    return after.seconds - before.seconds < _LEAST_SHARE * seconds


def wait_for(arrives: Callable[[float], bool], pid: int, seconds: float) -> None:
    """Wait until something of a process comes. Raise TimeoutError.

    `arrives` waits for so many seconds at most, and tells whether it has come. After `seconds`, a process that gets no
    processor is waited for on, until ten times as long. One that waits for anything else, or computes, is not.
    """
    if arrives(seconds):
        return
    for _ in range(int(seconds * (_MOST_TIMES - 1) / _LOOK_SECONDS)):
        before = use_of(pid)
        if arrives(_LOOK_SECONDS):
            return
        if not is_starved(before, use_of(pid), _LOOK_SECONDS):
            break
    raise TimeoutError
