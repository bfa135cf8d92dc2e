"""Reads the document of one attempt: a decoder makes page images of the file, and workers read them.

The pages of a document are submitted one after the other while others are being read. Pages of several documents share
batches. A page that cannot be decoded or read is lost, and the others are read.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from datetime import datetime, timezone
from functools import partial
from typing import TypeVar

from ocrspool.config.current import CurrentConfig
from ocrspool.decoding.api import Decoder, DecoderDiedError, DecoderPool
from ocrspool.errors import DocumentError, EngineError
from ocrspool.formatting import rfc3339
from ocrspool.pages import EmbeddedText, Notice, PageImage, Recognized
from ocrspool.pipeline.assemble import LostPage
from ocrspool.pipeline.assembler import AnyPage, FoundPage, Parts, seconds_of
from ocrspool.pipeline.attempt import Attempt
from ocrspool.pipeline.draft import Draft
from ocrspool.pipeline.job_log import log_of, name_of
from ocrspool.pipeline.job_outcome import refuse_to_blame
from ocrspool.pipeline.retry_policy import refuse_deadly_page, refuse_if_deadly, too_slow
from ocrspool.recognition.api import PageRecognizer
from ocrspool.recognition.page_json import UnreadableBodyError
from ocrspool.results.schema import Run
from ocrspool.spool.job_store import JobStore
from ocrspool.spool.jobs import Job

T = TypeVar("T")


class DocumentReader:
    """Reads documents. Each call is about one attempt, on the thread of its job."""

    def __init__(
        self,
        live: CurrentConfig,
        decoders: DecoderPool,
        recognizer: PageRecognizer,
        assemble: Callable[[Parts], Draft],
        is_stopping: Callable[[], bool],
    ) -> None:
        self._live = live
        self._decoders = decoders
        self._recognizer = recognizer
        self._assemble = assemble
        self._is_stopping = is_stopping
        self._host = socket.gethostname()

    def read(self, attempt: Attempt, store: JobStore) -> Draft:
        """Read the document of a job that has begun.

        Raise DocumentError where the file cannot be read, EngineError where a process died, OSError of the disk.
        """
        self._open(attempt, store)
        try:
            # The source has to be on disk before its result appears. Its pages are being read meanwhile.
            store.keep(attempt.job)
        except OSError:
            attempt.abandon()
            raise
        return self._collect(attempt)

    def _open(self, attempt: Attempt, store: JobStore) -> None:
        """Decode the file and submit its pages."""
        deadline = time.monotonic() + self._live.config.limits.document_seconds
        with self._decoders.take(attempt.job.inbox, store.hangs) as decoder:
            attempt.started = datetime.now(timezone.utc)
            begun = time.monotonic()
            attempt.opened = decoder.open(
                attempt.job.source,
                attempt.profile,
                may_grow=store.may_grow(attempt.job),
                may_read=not attempt.alone,
            )
            attempt.warnings += attempt.opened.warnings
            took = attempt.opened.decode_seconds
            attempt.decode_seconds = time.monotonic() - begun if took is None else took
            with ExitStack() as on_error:
                on_error.callback(attempt.abandon)
                for index in range(attempt.opened.pages):
                    if attempt.broken:
                        break
                    if time.monotonic() > deadline:
                        raise too_slow(self._live.config.limits.document_seconds, index)
                    refuse_if_deadly(attempt.job)
                    self._submit(decoder, index, attempt, store)
                on_error.pop_all()

    def _submit(self, decoder: Decoder, index: int, attempt: Attempt, store: JobStore) -> None:
        """Decode one page and submit it. A page that cannot be decoded is lost, and the others go on.

        A page that brings its own text counts as read, where the profile wants that text and it can be believed.
        """
        try:
            own, warnings = self._own_text(decoder, index, attempt, store)
            if own is not None and attempt.own_texts.believes(own):
                attempt.warnings += warnings
                attempt.pages.append(own)
                return
            page = self._at_page(index, attempt, store, decoder.page)
        except DocumentError as error:
            refuse_to_blame(error, store)
            if error.stage == "open":  # the next decoder could not open the file, which is the fault of no page
                raise
            attempt.pages.append(LostPage(index + 1, error))
            return
        attempt.warnings += page.warnings
        options = attempt.profile.page_options()
        reading = page.reading or self._recognizer.submit(page.image, options, alone=attempt.alone)
        attempt.add(page.image, reading)
        attempt.own_texts.note(own, page.hidden, index + 1, reading)

    def _own_text(
        self, decoder: Decoder, index: int, attempt: Attempt, store: JobStore
    ) -> tuple[EmbeddedText | None, Sequence[Notice]]:
        """Return the text that a page brings along, where the profile wants it, and warnings."""
        if attempt.profile.pdf_text != "prefer":
            return None, ()
        own_text = partial(decoder.own_text, words=attempt.profile.words)
        return self._at_page(index, attempt, store, own_text) or (None, ())

    def _at_page(self, index: int, attempt: Attempt, store: JobStore, ask: Callable[[int], T]) -> T:
        """Ask a decoder about one page. Where it dies, ask another one. Raise DocumentError where that one dies too."""
        refuse_deadly_page(attempt.job, index + 1)
        begun = time.monotonic()
        try:
            return ask(index)
        except DecoderDiedError as error:
            if error.page is None or self._is_stopping():  # it did not die at this page, or we have ended it
                raise
            attempt.job = store.note_death(attempt.job, error.page)
            log_of(attempt.job).warning("%s: %s", name_of(attempt.job), error)
        finally:
            attempt.decode_seconds += time.monotonic() - begun
        return self._at_page(index, attempt, store, ask)

    def _collect(self, attempt: Attempt) -> Draft:
        """Wait for the pages and have the document made of them."""
        job = attempt.job
        try:
            pages = [_awaited(job, *page) if isinstance(page, tuple) else page for page in attempt.pages]
        except EngineError:
            attempt.abandon()
            raise
        lost = [page for page in pages if isinstance(page, LostPage)]
        if lost and len(lost) == len(pages):
            raise lost[0].error
        seconds = _seconds_by_stage(attempt.decode_seconds, pages)
        parts = Parts(
            name=job.name,
            inbox=job.inbox,
            opened=attempt.opened,
            pages=pages,
            warnings=attempt.warnings,
            run=Run(job.id, self._host, job.attempts, rfc3339(attempt.started), rfc3339(), seconds),
            own=attempt.own_texts.own,
            hidden=attempt.own_texts.hidden,
            outputs=attempt.options.outputs,
        )
        try:
            return self._assemble(parts)
        except UnreadableBodyError:
            self._recognizer.renew()  # it is not known which of the workers has written that
            raise


def _awaited(job: Job, image: PageImage, future: Future[Recognized]) -> FoundPage | LostPage:
    """Wait for a page. Raise EngineError where a worker died on it, or on another page of the document."""
    try:
        return FoundPage(image, future.result())
    except DocumentError as error:
        log_of(job).warning("%s: page %d is lost: %s", name_of(job), image.number, error)
        return LostPage(image.number, error)


def _seconds_by_stage(decode_seconds: float, pages: Sequence[AnyPage]) -> dict[str, float]:
    seconds = {"decode": decode_seconds}
    for page in pages:
        for stage, spent in seconds_of(page).items():
            seconds[stage] = seconds.get(stage, 0.0) + spent
    return {stage: round(spent, 4) for stage, spent in seconds.items()}
