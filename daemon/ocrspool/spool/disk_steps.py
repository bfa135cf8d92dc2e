"""What the threads of a spool are doing on its disk at this moment, so that a disk that does not answer is noticed.

A call on a frozen filesystem, or on a share whose server is dead, does not return, and no signal ends it. So a thread
says when it begins a step on a disk and when the step has ended. Another thread checks how long the step has taken.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

SLOW_SECONDS = 1.0
"""When a disk has ended no step for so long, others do not wait for it: its inbox gives up its slots and decoders."""
HANGS_SECONDS = 10.0
"""After so long the status says that the disk does not answer. A scan of a million files is one step of seconds."""


class _Step(NamedTuple):
    kind: str
    began: float
    patience: float


class DiskSteps:
    """The steps that threads are at, on the disks of one inbox. Safe to use from several threads."""

    def __init__(self) -> None:
        self._going_on: dict[int, _Step] = {}
        self._ended: dict[str, float] = {}
        """When a step of each kind has ended last."""
        self._numbers = itertools.count()

    def step(self, kind: str = "", patience: float = SLOW_SECONDS) -> StepInWork:
        """Say that the disk is being used until the end of this context.

        Of each `kind` one is expected to end within `patience` seconds, however many wait for each other: then the disk
        answers. Steps on different disks are of different kinds. A step of many parts calls what it gets after each.
        """
        return StepInWork(self, kind, patience)

    def begin(self, step: _Step) -> int:
        """Take note of a step. Return its number."""
        number = next(self._numbers)
        self._going_on[number] = step
        return number

    def end(self, number: int) -> None:
        """Take note that a step is over."""
        self.renew(self._going_on.pop(number).kind)

    def renew(self, kind: str) -> None:
        """Take note that a step of this kind, or a part of one, has ended."""
        self._ended[kind] = time.monotonic()

    def going_on(self) -> bool:
        """Tell whether there is any step."""
        return bool(self._going_on)

    def slow(self) -> bool:
        """Tell whether the disk takes so long that others must not wait for it."""
        now = time.monotonic()
        return any(now > since + patience for since, patience in self._silent())

    def hangs_since(self) -> float | None:
        """Return since when the disk does not answer, on the monotonic clock; None where it does."""
        oldest = min((since for since, _ in self._silent()), default=None)
        return oldest if oldest is not None and time.monotonic() > oldest + HANGS_SECONDS else None

    def _silent(self) -> list[tuple[float, float]]:
        """Return for each step since when none of its kind has ended, and its patience."""
        steps = list(self._going_on.values())  # one call, so that no other thread comes between
        return [(max(step.began, self._ended.get(step.kind, step.began)), step.patience) for step in steps]


class StepInWork:
    """One step, as a context: a generator for each of the dozen steps of a job would cost three times as much."""

    __slots__ = ("_kind", "_number", "_patience", "_steps")

    def __init__(self, steps: DiskSteps, kind: str, patience: float) -> None:
        self._steps, self._kind, self._patience = steps, kind, patience
        self._number = -1

    def __enter__(self) -> Callable[[], None]:
        """Begin. Return what is called after each part."""
        self._number = self._steps.begin(_Step(self._kind, time.monotonic(), self._patience))
        return partial(self._steps.renew, self._kind)

    def __exit__(self, *_: object) -> None:
        """End."""
        self._steps.end(self._number)
