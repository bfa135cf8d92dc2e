"""Where jobs are kept, as whoever runs them sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from ocrspool.errors import DocumentError
from ocrspool.files.target_path import Place
from ocrspool.results.rendered import RenderedResult
from ocrspool.spool.growing_files import Return
from ocrspool.spool.jobs import Job


class JobStore(Protocol):
    """Where jobs are kept: a spool, plain folders (`LocalFiles`), or memory (tests)."""

    def begin(self, job: Job) -> Job:
        """Count an attempt. Raise OSError."""

    def note_death(self, job: Job, page: int) -> Job:
        """Remember that a decoder died at this page. Raise OSError."""

    def suspend(self, job: Job) -> None:
        """Leave the job for the next start, which costs it no attempt. Raise OSError."""

    def may_grow(self, job: Job) -> bool:
        """Tell whether somebody may still be writing to the file."""

    def take_back(self, job: Job, error: DocumentError | None = None) -> Return | None:
        """Give the file back if somebody is still writing to it, instead of delivering or failing it. Return why."""

    def keep(self, job: Job) -> None:
        """Wait until the source is on disk, which has to be before its result appears. Raise OSError."""

    def place(self, job: Job, suffix: str) -> Place:
        """Return where an output is put until it is delivered; to be closed. Raise OSError."""

    def done_as(self, job: Job) -> str:
        """Decide under which path below done/ the source will be retired; "" where it is not kept. Raise OSError."""

    def deliver(self, job: Job, result: RenderedResult) -> Path:
        """Publish the result after the outputs that it names, then retire the source. Return where the result is.

        Raise OSError where the disk is at fault, DocumentError where people have left no name free for it.
        """

    def fail(self, job: Job, reason: dict[str, Any]) -> Path:
        """Put the source aside with the reason. Return where the source is. Raise as `deliver` does."""

    def finish(self, job: Job) -> bool:
        """Take a job to the end that an earlier run has begun. Tell whether there was one. Raise OSError."""

    def hangs(self) -> bool:
        """Tell whether the disk does not answer. What takes too long meanwhile is not the file's fault."""
