"""The line that one job travels, and the one place that decides its fate.

    run: begin (count the attempt) → open_job (decode, submit pages) → keep (the source is on disk)
              → close_job (collect) → outputs, render, deliver
         the file's fault  → fail
         a page that kills → the page is lost, and the others are read
         a page at which a sound engine fails twice → likewise
         a child's death   → again, its pages alone this time, until its attempts are used up; then fail
         the disk's fault  → Stalled: nothing is wrong with the file; whoever runs it tries again later
         still written to  → back to the inbox
         we are stopping   → leave it in work/

No step knows the next; decoding and recognition go on in other processes, and pages of several jobs share batches.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import Any, TypeVar

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Profile
from ocrspool.decoding.client import DecoderClient, DecoderDiedError
from ocrspool.decoding.pool import DecoderPool
from ocrspool.errors import DocumentError, EngineError
from ocrspool.files import names
from ocrspool.formatting import rfc3339
from ocrspool.observability.statistics import JobStatistics
from ocrspool.pages import EmbeddedText, PageImage, PageText
from ocrspool.pipeline.assemble import LostPage, Reading, ReadPage, build, summary
from ocrspool.pipeline.attempt import Attempt
from ocrspool.pipeline.hooks import JobOutcome
from ocrspool.pipeline.job_store import JobStore, Stalled
from ocrspool.pipeline.outputs import SourceContext, add_outputs
from ocrspool.pipeline.retry_policy import refuse_deadly_page, refuse_if_deadly, refuse_if_spent, too_slow
from ocrspool.recognition.pool import WorkerPool
from ocrspool.render.json import render
from ocrspool.results.schema import Document, Engine, Run
from ocrspool.spool.failure_reason import reason, reason_beside
from ocrspool.spool.jobs import Job, log_fields
from ocrspool.spool.outbox import beside

_log = logging.getLogger(__name__)

T = TypeVar("T")

_DISK_PAUSE_SECONDS, _LONGEST_DISK_PAUSE = 1.0, 15.0
"""For `run_through`: between the first and the second try of a job that the disk failed, and at most; it doubles."""


class Pipeline:
    """Runs jobs, each on a thread of the caller's."""

    def __init__(
        self, live: CurrentConfig, decoders: DecoderPool, workers: WorkerPool, engine: Engine, statistics: JobStatistics
    ) -> None:
        self._live = live
        self._decoders = decoders
        self._workers = workers
        self._engine = engine
        self._statistics = statistics
        self._host = socket.gethostname()
        self._stopping = threading.Event()

    def stop(self) -> None:
        """From now on a job that cannot go on is left in work/."""
        self._stopping.set()

    def run(
        self, job: Job, outcomes: JobStore, profile: Profile, outputs: Collection[str] = ()
    ) -> JobOutcome | Stalled | None:
        """Take one job as far as it gets: to its outcome, or to where it has to wait.

        None: it is left in work/, or was given back to the inbox.
        """
        while not self._stopping.is_set():
            try:
                job, ended = self._attempt(job, outcomes, profile, outputs)
            except OSError as problem:
                again = partial(self.run, job, outcomes, profile, outputs)
                counted = replace(job, attempts=job.attempts + 1)
                return Stalled(job, problem, again, partial(outcomes.suspend, counted))
            if not isinstance(ended, EngineError):
                return ended
            if self._stopping.is_set():
                self._suspend(job, outcomes)  # what ended this attempt was most likely the stop
                return None
            most = self._live.config.service.attempts
            _of(job, "again").warning("%s: attempt %d of %d: %s", _name(job), job.attempts, most, ended)
        return None

    def finish(self, job: Job, outcomes: JobStore) -> JobOutcome | Stalled | None:
        """Take a job to the end that an earlier run of the service has begun. No hook is told: it may have been."""

        def finish() -> None:
            outcomes.finish(job)

        return self._persist(job, outcomes, finish)

    def run_through(
        self, job: Job, outcomes: JobStore, profile: Profile, outputs: Collection[str] = ()
    ) -> JobOutcome | None:
        """Take one job to its outcome, and wait on this thread for as long as the disk takes.

        A folder that is gone is not waited for: nobody mounts it again under a command.
        """
        outcome, pause = self.run(job, outcomes, profile, outputs), _DISK_PAUSE_SECONDS
        while isinstance(outcome, Stalled) and not self._stopping.is_set():
            if isinstance(outcome.problem, FileNotFoundError):
                gone = DocumentError("unreadable", f"a folder is gone: {outcome.problem}", stage="open")
                outcome = self._fail(outcome.job, outcomes, gone)
                break
            _of(job).error("%s: %s; trying again in %.0f s", _name(job), outcome.problem, pause)
            self._stopping.wait(pause)
            outcome, pause = outcome.again(), min(pause * 2, _LONGEST_DISK_PAUSE)
        return outcome if isinstance(outcome, JobOutcome) else None

    def _attempt(
        self, job: Job, outcomes: JobStore, profile: Profile, outputs: Collection[str]
    ) -> tuple[Job, JobOutcome | Stalled | EngineError | None]:
        """Try once. Return the job with its attempts counted, and what came of it or why it has to be tried again.

        None says that the file was given back.
        """
        progress = Attempt(job, profile, alone=job.attempts + job.interruptions > 0)
        try:
            refuse_if_spent(job, self._live.config.service.attempts)
            with self._statistics.watching(progress):
                progress.job = outcomes.begin(job)
                if _taken_back(progress.job, outcomes):
                    return progress.job, None
                self.open_job(progress, outcomes)
                self._keep(progress, outcomes)
                document = self.close_job(progress)
                return progress.job, self._publish(progress, outcomes, document, outputs)
        except DocumentError as error:
            _refuse_to_blame(error, outcomes)
            if _taken_back(progress.job, outcomes, error):
                return progress.job, None
            ended = self._fail(progress.job, outcomes, error)
            if isinstance(ended, Stalled) and error.stage == "open":
                # The disk was perhaps away when the file was to be opened, and is now: nothing is known of the file.
                ended = replace(ended, again=partial(self.run, job, outcomes, profile, outputs))
            return progress.job, ended
        except EngineError as error:
            return progress.job, error
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - a bug of ours must not end the thread, nor lose or loop the file
            _of(job).exception("%s: internal error", _name(job))
            # An attempt, also where it came before that could be counted.
            counted = replace(progress.job, attempts=max(progress.job.attempts, job.attempts + 1))
            return counted, EngineError(f"internal error: {error!r}")

    def open_job(self, progress: Attempt, outcomes: JobStore) -> None:
        """Decode the file and submit its pages. Raise DocumentError, or EngineError when a child died."""
        deadline = time.monotonic() + self._live.config.limits.document_seconds
        with self._decoders.take(progress.job.inbox, outcomes.hangs) as decoder:
            progress.started = datetime.now(timezone.utc)
            begun = time.monotonic()
            progress.opened = decoder.open(
                progress.job.source, progress.profile, may_grow=outcomes.may_grow(progress.job)
            )
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
                    self._submit(decoder, index, progress, outcomes)
                on_error.pop_all()

    def _submit(self, decoder: DecoderClient, index: int, progress: Attempt, outcomes: JobStore) -> None:
        """Decode one page and hand it to the workers; one that cannot be decoded is lost, and the others go on.

        A page that brings its own text is read already, where that is wanted and believed.
        """
        try:
            own, notices = self._own_text(decoder, index, progress, outcomes)
            if own is not None and progress.own_texts.believes(own):
                progress.notices += notices
                progress.pages.append(own)
                return
            page = self._at_page(index, progress, outcomes, decoder.page)
        except DocumentError as error:
            _refuse_to_blame(error, outcomes)
            if error.stage == "open":  # by the next decoder: that is no page's fault
                raise
            progress.pages.append(LostPage(index + 1, error))
            return
        progress.notices += page.notices
        reading = self._workers.submit(page.image, progress.profile.orientation, alone=progress.alone)
        progress.add(page.image, reading)
        progress.own_texts.note(own, page.hidden, index + 1, reading)

    def _own_text(
        self, decoder: DecoderClient, index: int, progress: Attempt, outcomes: JobStore
    ) -> tuple[EmbeddedText | None, list[dict[str, Any]]]:
        """Return the text that a page brings along, where that is wanted, and warnings. Raise as `_at_page` does."""
        if progress.profile.pdf_text != "prefer":
            return None, []
        return self._at_page(index, progress, outcomes, decoder.own_text) or (None, [])

    def _at_page(self, index: int, progress: Attempt, outcomes: JobStore, ask: Callable[[int], T]) -> T:
        """Ask a decoder about one page, and another where it dies. Raise DocumentError where that one does too."""
        refuse_deadly_page(progress.job, index + 1)
        begun = time.monotonic()
        try:
            return ask(index)
        except DecoderDiedError as error:
            if error.page is None or self._stopping.is_set():  # not at this page; or by our own hand
                raise
            progress.job = outcomes.note_death(progress.job, error.page)
            _of(progress.job).warning("%s: %s", _name(progress.job), error)
        finally:
            progress.decode_seconds += time.monotonic() - begun
        return self._at_page(index, progress, outcomes, ask)

    def _keep(self, progress: Attempt, outcomes: JobStore) -> None:
        """Have the source on disk before its result appears. The pages are being read meanwhile. Raise OSError."""
        try:
            outcomes.keep(progress.job)
        except OSError:
            progress.abandon()
            raise

    def close_job(self, progress: Attempt) -> Document:
        """Wait for the pages and make the document of them. Raise EngineError when a worker died, or DocumentError."""
        job = progress.job
        try:
            pages = [_awaited(job, *page) if isinstance(page, tuple) else page for page in progress.pages]
        except EngineError:
            progress.abandon()
            raise
        lost = [page for page in pages if isinstance(page, LostPage)]
        if lost and len(lost) == len(pages):
            raise lost[0].error
        seconds = _stages(progress.decode_seconds, pages)
        settled, notices = progress.own_texts.settled(pages)
        run = Run(job.id, self._host, job.attempts, rfc3339(progress.started), rfc3339(), seconds)
        reading = Reading(job.name, job.inbox, progress.opened, settled, [*progress.notices, *notices])
        began = time.monotonic()
        document = build(reading, self._engine, run)
        return replace(document, run=replace(run, seconds={**seconds, "blocks": round(time.monotonic() - began, 4)}))

    def _publish(
        self, progress: Attempt, outcomes: JobStore, document: Document, outputs: Collection[str]
    ) -> JobOutcome | Stalled | None:
        """Make the outputs, render and deliver; None where the file is still written to and was given back instead."""
        job = progress.job
        origin = SourceContext(job.source, progress.profile, self._decoders, outcomes.hangs)

        def publish() -> JobOutcome | Stalled | None:
            whole = add_outputs(document, outputs, partial(outcomes.place, job), origin)
            return self._persist(job, outcomes, partial(self._deliver, progress, outcomes, whole, render(whole)))

        return self._persist(job, outcomes, publish)

    def _deliver(self, progress: Attempt, outcomes: JobStore, document: Document, result: bytes) -> JobOutcome | None:
        """Deliver what was rendered, and tell of it; None where the file was given back instead."""
        job = progress.job
        if _taken_back(job, outcomes):
            return None
        target = outcomes.deliver(job, result)
        told = summary(document, target)
        self._statistics.done(told, document.run.seconds)
        _of(job, "done").info(
            "done %s: %d pages, %d lines in %.2f s%s%s → %s",
            _name(job),
            told["pages"],
            told["lines"],
            (datetime.now(timezone.utc) - progress.started).total_seconds(),
            f", {told['lost']} pages failed" if told["lost"] else "",
            f", warnings: {', '.join(told['warnings'])}" if told["warnings"] else "",
            names.printable(str(target)),
        )
        files = (target, *(beside(target, output.suffix) for output in document.outputs))
        return JobOutcome("done", job, files, _variables(told, document.status))

    def _persist(
        self, job: Job, outcomes: JobStore, step: Callable[[], JobOutcome | Stalled | None]
    ) -> JobOutcome | Stalled | None:
        """Take a step on the disk. Where the disk fails, that step is what is tried again."""
        try:
            return step()
        except OSError as problem:
            return self._stalled(job, outcomes, problem, step)
        except DocumentError as error:
            return self._fail(job, outcomes, error)
        except EngineError:
            if not self._stopping.is_set():
                raise
            self._suspend(job, outcomes)
            return None

    def _stalled(
        self, job: Job, outcomes: JobStore, problem: Exception, step: Callable[[], JobOutcome | Stalled | None]
    ) -> Stalled:
        again = partial(self._persist, job, outcomes, step)
        return Stalled(job, problem, again, partial(outcomes.suspend, job))

    def _suspend(self, job: Job, outcomes: JobStore) -> None:
        """Leave a job in work/ for the next start, with its attempt taken back as far as its disk allows."""
        try:
            outcomes.suspend(job)
        except OSError as problem:
            _of(job).warning("%s: %s; this attempt counts", _name(job), problem)

    def _fail(self, job: Job, outcomes: JobStore, error: DocumentError) -> JobOutcome | Stalled:
        """Put the source aside. Where that cannot be done or written down, the job waits."""
        why = reason(error, job.name, job.inbox, job=job.id, attempts=job.attempts)
        try:
            target = outcomes.fail(job, why)
        except (OSError, DocumentError) as problem:
            return self._stalled(job, outcomes, problem, partial(self._fail, job, outcomes, error))
        self._statistics.failed({**why, "file": names.to_json(os.fspath(target))})
        told = f"{error.message} ({error.hint})" if error.hint else error.message
        _of(job, "failed").warning(
            "failed %s: %s → %s", _name(job), names.printable(told), names.printable(str(target))
        )
        return JobOutcome("failed", job, (target, reason_beside(target)))


def _of(job: Job, event: str = "") -> logging.LoggerAdapter[logging.Logger]:
    return logging.LoggerAdapter(_log, {**log_fields(job), "event": event})


def _variables(told: dict[str, Any], status: str) -> dict[str, str]:
    """Return what a hook is told of a document."""
    return {"STATUS": status, "PAGES": str(told["pages"]), "WARNINGS": " ".join(told["warnings"])}


def _awaited(job: Job, image: PageImage, future: Future[PageText]) -> ReadPage | LostPage:
    """Wait for a page. Raise EngineError when a worker died of it, or of another."""
    try:
        return ReadPage(image, future.result())
    except DocumentError as error:
        _of(job).warning("%s: page %d is lost: %s", _name(job), image.number, error)
        return LostPage(image.number, error)


def _taken_back(job: Job, outcomes: JobStore, error: DocumentError | None = None) -> bool:
    """Tell whether the file was given back, because somebody is still writing to it. Of each file that is said once."""
    found = outcomes.take_back(job, error)
    if found is not None:
        level = logging.DEBUG if found.again else logging.INFO
        _of(job, "given-back").log(
            level, "%s is not finished and goes back: %s", _name(job), names.printable(found.why)
        )
    return found is not None


def _refuse_to_blame(error: DocumentError, outcomes: JobStore) -> None:
    """Raise OSError in place of an error that says that the file took too long, where its disk does not answer."""
    if error.kind == "timeout" and outcomes.hangs():
        raise OSError(errno.ETIMEDOUT, "the disk does not answer") from error


def _name(job: Job) -> str:
    return names.printable(job.name)


def _stages(decode_seconds: float, pages: list[ReadPage | EmbeddedText | LostPage]) -> dict[str, float]:
    seconds = {"decode": decode_seconds}
    for page in pages:
        if isinstance(page, ReadPage):
            for stage, spent in page.text.seconds.items():
                seconds[stage] = seconds.get(stage, 0.0) + spent
    return {stage: round(spent, 4) for stage, spent in seconds.items()}
