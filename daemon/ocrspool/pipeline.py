"""The line that one job travels, and the one place that decides its fate.

    run: begin (count the attempt) → open_job (decode, submit pages) → close_job (collect, render, deliver)
         the file's fault  → fail
         a page that kills → the page is lost, and the others are read
         a child's death   → again, its pages alone this time, until its attempts are used up; then fail
         the disk's fault  → wait and try again: nothing is wrong with the file
         we are stopping   → leave it in work/

No step knows the next; decoding and recognition go on in other processes, and pages of several jobs share batches.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

from ocrspool import names
from ocrspool.config import Live, Profile
from ocrspool.decoders import Decoder, DecoderDiedError, Decoders, Opened
from ocrspool.document import LostPage, Reading, ReadPage, build
from ocrspool.errors import DocumentError, EngineError
from ocrspool.model import PageImage, PageText
from ocrspool.reasons import reason
from ocrspool.refusals import refuse_deadly_page, refuse_if_deadly, refuse_if_spent, too_slow
from ocrspool.render.json import render
from ocrspool.result import Engine, Run
from ocrspool.spool import Job
from ocrspool.tally import Tally
from ocrspool.timestamps import rfc3339
from ocrspool.workers import Workers

_log = logging.getLogger(__name__)

_DISK_PAUSE_SECONDS, _LONGEST_DISK_PAUSE = 1.0, 15.0
"""Between the first and the second try of a job that the disk failed, and at most; it doubles."""


class Outcomes(Protocol):
    """Where a job comes from and goes to: a spool, or plain folders."""

    def begin(self, job: Job) -> Job:
        """Count an attempt."""

    def note_death(self, job: Job, page: int) -> Job:
        """Remember that a decoder died at this page."""

    def suspend(self, job: Job) -> None:
        """Leave the job for the next start."""

    def deliver(self, job: Job, result: bytes) -> Path:
        """Publish the result and retire the source."""

    def fail(self, job: Job, reason: dict[str, Any]) -> Path:
        """Put the source aside with the reason."""


@dataclass(slots=True)
class _Progress:
    """One attempt at one job."""

    job: Job
    started: datetime = field(init=False)
    """Set when a decoder has been found for it,"""
    opened: Opened = field(init=False)
    """and when that has opened the file."""
    pages: list[tuple[PageImage, Future[PageText]] | LostPage] = field(default_factory=list)
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
            if not isinstance(page, LostPage):
                page[1].cancel()

    def _see(self, future: Future[PageText]) -> None:
        if not future.cancelled() and future.exception() is not None:
            self.broken = True


class Pipeline:
    """Runs jobs, each on a thread of the caller's."""

    def __init__(self, live: Live, decoders: Decoders, workers: Workers, engine: Engine, tally: Tally) -> None:
        self._live = live
        self._decoders = decoders
        self._workers = workers
        self._engine = engine
        self._tally = tally
        self._host = socket.gethostname()
        self._stopping = threading.Event()

    def stop(self) -> None:
        """From now on a job that cannot go on is left in work/."""
        self._stopping.set()

    def run(self, job: Job, outcomes: Outcomes, profile: Profile) -> None:
        """Take one job to its outcome. Returns when the job is delivered, failed or left in work/."""
        pause = _DISK_PAUSE_SECONDS
        while not self._stopping.is_set():
            try:
                job, error = self._attempt(job, outcomes, profile)
            except OSError as problem:
                pause = self._wait_for_disk(job, problem, pause)
                continue
            if error is None:
                return
            if self._stopping.is_set():
                outcomes.suspend(job)  # what ended this attempt was most likely the stop
                return
            most = self._live.config.service.attempts
            _of(job).warning("%s: attempt %d of %d: %s", _name(job), job.attempts, most, error)

    def _attempt(self, job: Job, outcomes: Outcomes, profile: Profile) -> tuple[Job, EngineError | None]:
        """Try once. Return the job with its attempts counted, and why it has to be tried again, if so."""
        progress = _Progress(job, alone=job.attempts + job.interruptions > 0)
        try:
            refuse_if_spent(job, self._live.config.service.attempts)
            progress.job = outcomes.begin(job)
            self.open_job(progress, outcomes, profile)
            self.close_job(progress, outcomes)
        except DocumentError as error:
            self._fail(progress.job, outcomes, error)
        except EngineError as error:
            return progress.job, error
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - a bug of ours must not end the thread, nor lose or loop the file
            _of(job).exception("%s: internal error", _name(job))
            return progress.job, EngineError(f"internal error: {error!r}")
        return progress.job, None

    def open_job(self, progress: _Progress, outcomes: Outcomes, profile: Profile) -> None:
        """Decode the file and submit its pages. Raise DocumentError, or EngineError when a child died."""
        deadline = time.monotonic() + self._live.config.limits.document_seconds
        with self._decoders.take() as decoder:
            progress.started = datetime.now(timezone.utc)
            begun = time.monotonic()
            progress.opened = decoder.open(progress.job.source, profile)
            progress.notices += progress.opened.warnings
            progress.decode_seconds = time.monotonic() - begun
            with ExitStack() as on_error:
                on_error.callback(progress.abandon)
                for index in range(progress.opened.pages):
                    if progress.broken:
                        break
                    if time.monotonic() > deadline:
                        raise too_slow(self._live.config.limits.document_seconds, index)
                    refuse_if_deadly(progress.job)
                    self._submit(decoder, index, progress, outcomes, profile.orientation)
                on_error.pop_all()

    def _submit(self, decoder: Decoder, index: int, progress: _Progress, outcomes: Outcomes, orientation: str) -> None:
        """Decode one page and hand it to the workers; one that cannot be decoded is lost, and the others go on."""
        begun = time.monotonic()
        try:
            image, notices = self._decode(decoder, index, progress, outcomes)
        except DocumentError as error:
            progress.pages.append(LostPage(index + 1, error))
            return
        finally:
            progress.decode_seconds += time.monotonic() - begun
        progress.notices += notices
        progress.add(image, self._workers.submit(image, orientation, alone=progress.alone))

    def _decode(
        self, decoder: Decoder, index: int, progress: _Progress, outcomes: Outcomes
    ) -> tuple[PageImage, list[dict[str, Any]]]:
        """Decode one page, by another decoder where one dies of it. Raise DocumentError where that one does too."""
        refuse_deadly_page(progress.job, index + 1)
        try:
            return decoder.page(index)
        except DecoderDiedError as error:
            if error.page is None or self._stopping.is_set():  # not at this page; or by our own hand
                raise
            progress.job = outcomes.note_death(progress.job, error.page)
            _of(progress.job).warning("%s: %s", _name(progress.job), error)
        return self._decode(decoder, index, progress, outcomes)

    def close_job(self, progress: _Progress, outcomes: Outcomes) -> None:
        """Wait for the pages, then render and deliver. Raise EngineError when a worker died, or DocumentError."""
        job = progress.job
        try:
            pages = [
                page if isinstance(page, LostPage) else ReadPage(page[0], page[1].result()) for page in progress.pages
            ]
        except EngineError:
            progress.abandon()
            raise
        lost = [page for page in pages if isinstance(page, LostPage)]
        if lost and len(lost) == len(pages):
            raise lost[0].error
        seconds = _stages(progress.decode_seconds, pages)
        run = Run(job.id, self._host, job.attempts, rfc3339(progress.started), rfc3339(), seconds)
        reading = Reading(job.name, job.inbox, progress.opened, pages, progress.notices)
        document = build(reading, self._engine, run)
        target = self._deliver(job, outcomes, render(document))
        self._tally.done(job.inbox, len(pages), partial=bool(lost), seconds=seconds)
        _of(job).info(
            "done %s: %d pages, %d lines in %.2f s%s → %s",
            _name(job),
            len(pages),
            sum(len(page.lines) for page in document.pages),
            (datetime.now(timezone.utc) - progress.started).total_seconds(),
            f", {len(lost)} pages failed" if lost else "",
            names.printable(str(target)),
        )

    def _deliver(self, job: Job, outcomes: Outcomes, result: bytes) -> Path:
        """Deliver, however long the disk takes: what was read is not read again because a share is away."""
        pause = _DISK_PAUSE_SECONDS
        while True:
            try:
                return outcomes.deliver(job, result)
            except OSError as problem:  # noqa: PERF203 - what costs here is the disk
                if self._stopping.is_set():
                    raise
                pause = self._wait_for_disk(job, problem, pause)

    def _wait_for_disk(self, job: Job, problem: OSError, seconds: float) -> float:
        """Wait so long, or until the service stops. Return how long to wait the next time."""
        _of(job).error("%s: %s; trying again in %.0f s", _name(job), problem, seconds)
        self._stopping.wait(seconds)
        return min(seconds * 2, _LONGEST_DISK_PAUSE)

    def _fail(self, job: Job, outcomes: Outcomes, error: DocumentError) -> None:
        why = reason(error, job.name, job.inbox, job=job.id, attempts=job.attempts)
        target = outcomes.fail(job, why)
        self._tally.failed(job.inbox, why)
        told = f"{error.message} ({error.hint})" if error.hint else error.message
        _of(job).warning("failed %s: %s → %s", _name(job), told, names.printable(str(target)))


def _of(job: Job) -> logging.LoggerAdapter[logging.Logger]:
    return logging.LoggerAdapter(_log, {"job": job.id})


def _name(job: Job) -> str:
    return names.printable(job.name)


def _stages(decode_seconds: float, pages: list[ReadPage | LostPage]) -> dict[str, float]:
    seconds = {"decode": decode_seconds}
    for page in pages:
        if isinstance(page, ReadPage):
            for stage, spent in page.text.seconds.items():
                seconds[stage] = seconds.get(stage, 0.0) + spent
    return {stage: round(spent, 4) for stage, spent in seconds.items()}
