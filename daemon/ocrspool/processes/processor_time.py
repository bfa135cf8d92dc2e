"""Whether a process waits for a processor. On a machine that is busy with other things slow is not dead."""

from __future__ import annotations

import math
import os
import time
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


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has had; minus infinity where it has gone.

    Its clock takes one system call (clock_getcpuclockid(3): the number of the clock is the inverted pid, and 2).
    """
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return -math.inf


def is_starved(before: ProcessorUse | None, after: ProcessorUse | None, seconds: float) -> bool:
    """Tell whether it wanted a processor between two looks, so many seconds apart, and had none most of the time."""
    if before is None or after is None or "R" not in (before.state, after.state):
        return False
    return after.seconds - before.seconds < _LEAST_SHARE * seconds


def wait_for(arrives: Callable[[float], bool], pid: int, seconds: float) -> None:
    """Wait until something of a process comes. Raise TimeoutError.

    `arrives` waits for so many seconds at most, and tells whether it has come. After `seconds`, a process that gets no
    processor is waited for on, until ten times as long, and so is one that computes and has had one for less than half
    of that time: it was frozen together with this process (`docker pause`, `systemctl freeze`). One that waits for
    anything else, or has computed for that long, is not.
    """
    before_all = processor_seconds(pid)
    if arrives(seconds):
        return
    began = ProcessorUse("", before_all)
    for _ in range(int(seconds * (_MOST_TIMES - 1) / _LOOK_SECONDS)):
        before = use_of(pid)
        if arrives(_LOOK_SECONDS):
            return
        now = use_of(pid)
        if not is_starved(before, now, _LOOK_SECONDS) and not is_starved(began, now, seconds):
            break
    raise TimeoutError
