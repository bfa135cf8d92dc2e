"""Waiting without sleeping: for a condition, with a deadline.

A machine that is busy with other things is not a fault. So a deadline is in seconds of a machine that has nothing else
to do: while it has other work, time counts only by the share of the processors that falls to a process like this one.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_STEP_SECONDS = 0.02
_TIMES_AS_LONG = 10
"""A condition that takes long to tell is asked less often, so that asking takes a tenth of a processor at most."""
_LOOK_SECONDS = 1.0
"""The share is looked up so often."""
_LEAST_SHARE = 0.05
"""A deadline comes at last after twenty times its seconds."""
_A_STEP_OF_NICE = 1.25
"""How much more a process gets than one that is nicer by one (sched(7), and the kernel's sched_prio_to_weight)."""


def wait_until(condition: Callable[[], T], seconds: float = 30) -> T:
    """Return the condition's value as soon as it is true; fail when it is not within so many seconds."""
    left, looked = seconds, time.monotonic()
    pause = threading.Event()
    asked = time.thread_time()
    while not (value := condition()):
        now = time.monotonic()
        if now - looked > _LOOK_SECONDS:
            left -= (now - looked) * share_of(runnable(), len(os.sched_getaffinity(0)), os.nice(0))
            looked = now
        if left < now - looked:
            raise AssertionError(f"still waiting after {seconds:g} s for {condition}")
        pause.wait(max(_STEP_SECONDS, _TIMES_AS_LONG * (time.thread_time() - asked)))
        asked = time.thread_time()
    return value


def share_of(running: int, processors: int, niceness: int) -> float:
    """Return which part of the time that it wants a process gets, of so many that want to run; 0.05 to 1."""
    others = max(0, running - 1) * _A_STEP_OF_NICE**niceness
    return min(1.0, max(_LEAST_SHARE, processors / (1 + others)))


def runnable() -> int:
    """Return how many threads want to run now, this one too: the fourth field of /proc/loadavg (proc(5))."""
    return int(Path("/proc/loadavg").read_text("ascii").split()[3].partition("/")[0])
