"""Waiting without sleeping: for a condition, with a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_STEP_SECONDS = 0.02
_SHARE = 10
"""A condition that takes long to tell is asked less often, so that asking takes a tenth of a processor at most."""


def wait_until(condition: Callable[[], T], seconds: float = 30) -> T:
    """Return the condition's value as soon as it is true; fail when it is not within so many seconds."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    asked = time.thread_time()
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still waiting after {seconds:g} s for {condition}")
        pause.wait(max(_STEP_SECONDS, _SHARE * (time.thread_time() - asked)))
        asked = time.thread_time()
    return value
