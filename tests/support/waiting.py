"""Waiting without sleeping: for a condition, with a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_STEP_SECONDS = 0.02


def wait_until(condition: Callable[[], T], seconds: float = 30) -> T:
    """Return the condition's value as soon as it is true; fail when it is not within so many seconds."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still waiting after {seconds:g} s for {condition}")
        pause.wait(_STEP_SECONDS)
    return value
