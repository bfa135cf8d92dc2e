"""A job store in memory: what became of each job can be asked, and each step can be made to fail."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from ocrspool.errors import DocumentError
from ocrspool.files.folder import Folder
from ocrspool.files.target_path import Place
from ocrspool.results.rendered import RenderedResult
from ocrspool.spool.growing_files import Return
from ocrspool.spool.jobs import Job


class MemoryJobStore:
    """A JobStore without a spool. Only outputs that are waiting for their delivery are on a disk, in `scratch`."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self.errors: defaultdict[str, list[Exception]] = defaultdict(list)
        """By the name of a method: what its next calls raise."""
        self.calls: list[str] = []
        self.delivered: dict[str, RenderedResult] = {}
        """By the name of the file."""
        self.failed: dict[str, dict[str, Any]] = {}
        """The reason by the name of the file."""
        self.suspended: list[Job] = []
        self.finished: list[Job] = []
        self.returns: list[Return | None] = []
        """What the next calls of `take_back` return."""
        self.grows = False
        self.is_hanging = False

    def begin(self, job: Job) -> Job:
        self._step("begin")
        return replace(job, attempts=job.attempts + 1)

    def note_death(self, job: Job, page: int) -> Job:
        self._step("note_death")
        return replace(job, deaths=(*job.deaths, page))

    def suspend(self, job: Job) -> None:
        self._step("suspend")
        self.suspended.append(job)

    def may_grow(self, job: Job) -> bool:  # noqa: ARG002 - all files here are alike
        return self.grows

    def take_back(self, job: Job, error: DocumentError | None = None) -> Return | None:  # noqa: ARG002 - likewise
        self._step("take_back")
        return self.returns.pop(0) if self.returns else None

    def keep(self, job: Job) -> None:  # noqa: ARG002 - there is no file
        self._step("keep")

    def place(self, job: Job, suffix: str) -> Place:
        self._step("place")
        return Place(Folder.at(self._scratch), job.id + suffix)

    def done_as(self, job: Job) -> str:
        self._step("done_as")
        return job.name

    def deliver(self, job: Job, result: RenderedResult) -> Path:
        self._step("deliver")
        self.delivered[job.name] = result
        return Path("/outbox") / f"{job.name}.json"

    def fail(self, job: Job, reason: dict[str, Any]) -> Path:
        self._step("fail")
        self.failed[job.name] = reason
        return Path("/failed") / job.name

    def finish(self, job: Job) -> bool:
        self._step("finish")
        self.finished.append(job)
        return True

    def hangs(self) -> bool:
        return self.is_hanging

    def output(self, job: Job, suffix: str) -> bytes:
        """Return an output that was made for a job."""
        return (self._scratch / (job.id + suffix)).read_bytes()

    def _step(self, name: str) -> None:
        self.calls.append(name)
        if self.errors[name]:
            raise self.errors[name].pop(0)
