"""Where a job comes from and goes to, as the pipeline sees it; and a job that cannot go on for now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ocrspool.errors import DocumentError
from ocrspool.files.target_path import Place
from ocrspool.pipeline.hooks import JobOutcome
from ocrspool.spool.growing_files import Return
from ocrspool.spool.jobs import Job


class JobStore(Protocol):
    """Where a job comes from and goes to: a spool, or plain folders."""

    def begin(self, job: Job) -> Job:
        """Count an attempt."""

    def note_death(self, job: Job, page: int) -> Job:
        """Remember that a decoder died at this page."""

    def suspend(self, job: Job) -> None:
        """Leave the job for the next start."""

    def may_grow(self, job: Job) -> bool:
        """Tell whether somebody may be writing to the file still."""

    def take_back(self, job: Job, error: DocumentError | None = None) -> Return | None:
        """Give the file back if somebody is still writing to it, instead of delivering or failing it. Return why."""

    def keep(self, job: Job) -> None:
        """Wait until the source is on disk, which has to be before its result appears. Raise OSError."""

    def place(self, job: Job, suffix: str) -> Place:
        """Return where an output is put until it is delivered; to be closed."""

    def deliver(self, job: Job, result: bytes) -> Path:
        """Publish the result, and before it the outputs that it names; retire the source."""

    def fail(self, job: Job, reason: dict[str, Any]) -> Path:
        """Put the source aside with the reason."""

    def finish(self, job: Job) -> bool:
        """Take a job to the end that an earlier run has begun. Tell whether there was one."""

    def hangs(self) -> bool:
        """Tell whether the disk does not answer: what takes too long meanwhile is not the file's fault."""


@dataclass(frozen=True, slots=True)
class Stalled:
    """A job that cannot go on for now, because its disk fails, or because the machine is short of something."""

    job: Job
    problem: Exception
    again: Callable[[], JobOutcome | Stalled | None]
    """Goes on where it stopped: what was read is not read again because a share is away."""
    leave: Callable[[], None]
    """Leaves the job in work/ for the next start, which costs it no attempt. May raise OSError."""
