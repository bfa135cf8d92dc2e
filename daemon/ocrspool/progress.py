"""What is known of a job while its pages are with the workers. No step: the pipeline fills it in."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ocrspool.config import Profile
from ocrspool.decoders import Opened
from ocrspool.document import LostPage
from ocrspool.jobs import Job
from ocrspool.model import OwnText, PageImage, PageText


@dataclass(slots=True)
class Progress:
    """One attempt at one job."""

    job: Job
    profile: Profile
    started: datetime = field(init=False)
    """Set when a decoder has been found for it,"""
    opened: Opened = field(init=False)
    """and when that has opened the file."""
    pages: list[tuple[PageImage, Future[PageText]] | OwnText | LostPage] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    alone: bool = False
    """Whether its pages share no batch with others, because one of them may be what ended an earlier attempt."""
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

    def _see(self, future: Future[PageText]) -> None:
        if not future.cancelled() and future.exception() is not None:
            self.broken = True
