"""What is known of a job while its pages are with the workers. No step: the pipeline fills it in."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ocrspool.config.schema import Profile
from ocrspool.decoding.client import DocumentInfo
from ocrspool.errors import EngineError
from ocrspool.files import names
from ocrspool.pages import EmbeddedText, PageImage, PageText
from ocrspool.pipeline.assemble import LostPage
from ocrspool.pipeline.embedded_text import EmbeddedTexts
from ocrspool.spool.jobs import Job


@dataclass(slots=True)
class Attempt:
    """One attempt at one job."""

    job: Job
    profile: Profile
    started: datetime = field(init=False)
    """Set when a decoder has been found for it,"""
    opened: DocumentInfo = field(init=False)
    """and when that has opened the file."""
    pages: list[tuple[PageImage, Future[PageText]] | EmbeddedText | LostPage] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    alone: bool = False
    """Whether its pages share no batch with others, because one of them may be what ended an earlier attempt."""
    own_texts: EmbeddedTexts = field(default_factory=EmbeddedTexts)
    decode_seconds: float = 0.0
    broken: bool = False
    """Whether a worker died on one of the pages, so that this attempt has failed already."""

    def add(self, image: PageImage, future: Future[PageText]) -> None:
        """Take note of a page that was submitted."""
        self.pages.append((image, future))
        future.add_done_callback(self._see)

    def abandon(self) -> None:
        """Take back the pages that no worker has yet: a document that kills workers shall not do so page by page."""
        for page in self.pages:
            if isinstance(page, tuple):
                page[1].cancel()

    def snapshot(self) -> dict[str, Any]:
        """Return how far it is, for people who look on.

        `pages` of how many (None before the file is open) it has `read`; `since` when, in seconds of the epoch (None
        while it waits for a decoder).
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

    def _see(self, future: Future[PageText]) -> None:
        if not future.cancelled() and isinstance(future.exception(), EngineError):
            self.broken = True
