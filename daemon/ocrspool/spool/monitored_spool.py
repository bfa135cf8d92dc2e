"""A spool in which every call is a step on its disk, so that a disk that does not answer is noticed (disk_steps.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ocrspool.errors import DocumentError
from ocrspool.files.target_path import Place
from ocrspool.results.rendered import RenderedResult
from ocrspool.spool.disk_steps import HANGS_SECONDS, DiskSteps
from ocrspool.spool.growing_files import Return
from ocrspool.spool.jobs import Job
from ocrspool.spool.spool import Spool


class MonitoredSpool:
    """A JobStore (job_store.py) on a spool. Each call is a step on the disk (disk_steps.py)."""

    def __init__(self, spool: Spool, steps: DiskSteps) -> None:
        self._spool = spool
        self._steps = steps

    def begin(self, job: Job) -> Job:
        """Count an attempt."""
        with self._steps.step():
            return self._spool.begin(job)

    def note_death(self, job: Job, page: int) -> Job:
        """Remember that a decoder died at this page."""
        with self._steps.step():
            return self._spool.note_death(job, page)

    def suspend(self, job: Job) -> None:
        """Leave the job for the next start."""
        with self._steps.step():
            self._spool.suspend(job)

    def may_grow(self, job: Job) -> bool:
        """Tell whether somebody may be writing to the file still."""
        with self._steps.step():
            return self._spool.may_grow(job)

    def take_back(self, job: Job, error: DocumentError | None = None) -> Return | None:
        """Give the file back if somebody is still writing to it. Return why."""
        with self._steps.step():
            return self._spool.take_back(job, error)

    def keep(self, job: Job) -> None:
        """Wait until the source is on disk."""
        with self._steps.step("keep", HANGS_SECONDS):
            self._spool.keep(job)

    def place(self, job: Job, suffix: str) -> Place:
        """Return where an output is put until it is delivered; to be closed."""
        with self._steps.step():
            return self._spool.place(job, suffix)

    def done_as(self, job: Job) -> str:
        """Decide under which path below done/ the source will be retired; "" where it is not kept."""
        with self._steps.step():
            return self._spool.done_as(job)

    def deliver(self, job: Job, result: RenderedResult) -> Path:
        """Publish the result and retire the source."""
        with self._steps.step("deliver"):
            return self._spool.deliver(job, result)

    def fail(self, job: Job, reason: dict[str, Any]) -> Path:
        """Put the source aside with the reason."""
        with self._steps.step("fail"):
            return self._spool.fail(job, reason)

    def finish(self, job: Job) -> bool:
        """Take a job to the end that an earlier run has begun. Tell whether there was one."""
        with self._steps.step("deliver"):
            return self._spool.finish(job)

    def hangs(self) -> bool:
        """Tell whether the disk does not answer."""
        return self._steps.slow()
