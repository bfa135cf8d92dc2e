"""What is known of a job during one attempt. The reader fills it in."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ocrspool.config.job_options import JobOptions
from ocrspool.config.schema import Profile
from ocrspool.decoding.api import DocumentInfo
from ocrspool.errors import EngineError
from ocrspool.files import names
from ocrspool.pages import EmbeddedText, Notice, PageImage, Recognized
from ocrspool.pipeline.assemble import LostPage
from ocrspool.pipeline.embedded_text import EmbeddedTexts
from ocrspool.spool.jobs import Job


@dataclass(slots=True)
class Attempt:
    """One attempt at one job."""

    job: Job
    options: JobOptions
    started: datetime = field(init=False)
    """Set when a decoder has been found for the job."""
    opened: DocumentInfo = field(init=False)
    """Set when the decoder has opened the file."""
    pages: list[tuple[PageImage, Future[Recognized]] | EmbeddedText | LostPage] = field(default_factory=list)
    warnings: list[Notice] = field(default_factory=list)
    alone: bool = False
    """Whether its pages share no batch with others, because one of them may have ended an earlier attempt."""
    own_texts: EmbeddedTexts = field(default_factory=EmbeddedTexts)
    decode_seconds: float = 0.0
    broken: bool = False
    """Whether a worker died on one of the pages, so that this attempt has failed already."""

    @property
    def profile(self) -> Profile:
        """How the pages are read."""
        return self.options.profile

    def add(self, image: PageImage, future: Future[Recognized]) -> None:
        """Take note of a page that was submitted."""
        self.pages.append((image, future))
        future.add_done_callback(self._note_death)

    def abandon(self) -> None:
        """Take back the pages that no worker has yet: a document that kills workers must not do so page by page."""
        for page in self.pages:
            if isinstance(page, tuple):
                page[1].cancel()

    def snapshot(self) -> dict[str, Any]:
        """Return how far the attempt is, for the status.

        `pages` is the number of pages, None before the file is open. `read` is how many of them have been read. `since`
        is the start in seconds of the epoch, None while the job waits for a decoder.
        """
        opened, started = getattr(self, "opened", None), getattr(self, "started", None)
        return {
            "job": self.job.id,
            "inbox": self.job.inbox,
            **names.to_json(self.job.name),
            "attempt": self.job.attempts,
            "since": None if started is None else round(started.timestamp(), 3),
            "pages": None if opened is None else opened.pages,
            "read": sum(not isinstance(page, tuple) or page[1].done() for page in list(self.pages)),
        }

    def _note_death(self, future: Future[Recognized]) -> None:
        if not future.cancelled() and isinstance(future.exception(), EngineError):
            self.broken = True
