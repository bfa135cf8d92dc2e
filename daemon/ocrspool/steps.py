"""What a spool's threads are doing on its disk at this moment: a disk that does not answer is known by this.

A call on a frozen filesystem, or on a share whose server is dead, does not return, and no signal ends it. So a thread
says when it begins a step on a disk and when that has ended, and another thread looks for how long it has been at it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SLOW_SECONDS = 2.0
"""A step that takes longer keeps nobody else waiting: what its inbox holds of what all inboxes share is lent anew."""
HANGS_SECONDS = 10.0
"""After so long it is told that the disk does not answer. A scan of a million files is one step, and takes seconds."""


class Steps:
    """The steps that threads are at, on the disks of one inbox. Safe to use from several threads."""

    def __init__(self) -> None:
        self._begun: dict[int, tuple[float, float]] = {}
        """When each began, and from when on it is slow."""
        self._numbers = itertools.count()

    @contextmanager
    def step(self, patience: float = SLOW_SECONDS) -> Iterator[Callable[[], None]]:
        """Say that the disk is being used until the end of this context, as a rule for no longer than `patience`.

        A step of many parts calls what it gets after each of them.
        """
        number = next(self._numbers)

        def renew() -> None:
            now = time.monotonic()
            self._begun[number] = now, now + patience

        renew()
        try:
            yield renew
        finally:
            del self._begun[number]

    def going_on(self) -> bool:
        """Tell whether there is any step."""
        return bool(self._begun)

    def slow(self) -> bool:
        """Tell whether the disk takes so long that others must not wait for it."""
        now = time.monotonic()
        return any(now > slow_from for _, slow_from in self._steps())

    def hangs_since(self) -> float | None:
        """Return since when the disk does not answer, on the monotonic clock; None where it does."""
        oldest = min((began for began, _ in self._steps()), default=None)
        return oldest if oldest is not None and time.monotonic() > oldest + HANGS_SECONDS else None

    def _steps(self) -> list[tuple[float, float]]:
        return list(self._begun.values())  # one call, so that no other thread comes between
