"""The way of one job, and the one place that decides its fate.

    run: begin (count the attempt) → read (decode, recognize) → publish (outputs, render, deliver)

         the file's fault                           → it fails
         a page at which decoders die               → the page is lost, and the others are read
         a page at which an engine in order fails twice → the same
         a process died                             → try again, its pages alone; after the last attempt it fails
         the disk's fault                           → Stalled: whoever runs the job tries it again later
         somebody still writes to the file          → it goes back to the inbox
         the service stops                          → it stays in work/

`reader.py` has what one attempt does, and `endings.py` how a job ends. Neither knows the other.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial

from ocrspool.config.current import CurrentConfig
from ocrspool.config.job_options import NO_HOOKS, JobOptions
from ocrspool.decoding.api import DecoderPool, SourceReadError
from ocrspool.errors import DocumentError, EngineError
from ocrspool.observability.statistics import JobStatistics
from ocrspool.pipeline import outputs
from ocrspool.pipeline.assembler import Assembler, InProcess
from ocrspool.pipeline.attempt import Attempt
from ocrspool.pipeline.endings import Endings, taken_back
from ocrspool.pipeline.job_log import log_of, name_of
from ocrspool.pipeline.job_outcome import Ended, JobOutcome, Stalled, refuse_to_blame
from ocrspool.pipeline.reader import DocumentReader
from ocrspool.pipeline.retry_policy import refuse_if_spent, refuse_if_unreadable
from ocrspool.processes.backoff import Backoff
from ocrspool.recognition.api import PageRecognizer
from ocrspool.results.schema import Engine
from ocrspool.spool.job_store import JobStore
from ocrspool.spool.jobs import Job

_DISK_PAUSE_SECONDS, _LONGEST_DISK_PAUSE = 1.0, 15.0
"""`run_through` waits so long after the first failure of a disk, and at most. The pause doubles each time."""


class Pipeline:
    """Runs jobs, each on a thread of the caller."""

    def __init__(  # noqa: PLR0913 - all that it puts together
        self,
        live: CurrentConfig,
        decoders: DecoderPool,
        recognizer: PageRecognizer,
        engine: Engine,
        statistics: JobStatistics,
        *,
        assembler: Assembler | None = None,
    ) -> None:
        """`engine` stands in results of documents of which no page was read by an engine.

        Documents are assembled in this process, unless there is an `assembler` of others.
        """
        self._live = live
        self._statistics = statistics
        self._stopping = threading.Event()
        outputs.load(live.config.wants)
        assemble = partial((assembler or InProcess()).draft, engine)
        self._reader = DocumentReader(live, decoders, recognizer, assemble, self._stopping.is_set)
        self._endings = Endings(decoders, statistics, self._stopping.is_set)

    def stop(self) -> None:
        """From now on leave each job that cannot go on in work/."""
        self._stopping.set()

    def run(self, job: Job, store: JobStore, options: JobOptions, unread: int = 0) -> Ended:
        """Take one job as far as it gets: to its outcome, or to where it has to wait.

        `unread` is how often in a row its file could not be read, because of its disk.
        """
        try:
            refuse_if_unreadable(unread)
        except DocumentError as error:
            return self._endings.fail(job, store, options.hooks, error)
        while not self._stopping.is_set():
            try:
                job, ended = self._attempt(job, store, options)
            except OSError as problem:
                counted = replace(job, attempts=job.attempts + 1)
                failures = unread + 1 if isinstance(problem, SourceReadError) else 0
                again = partial(self.run, job, store, options, failures)
                return Stalled(job, problem, again, partial(store.suspend, counted))
            if not isinstance(ended, EngineError):
                return ended
            if self._stopping.is_set():
                self._endings.suspend(job, store)  # the stop has most likely ended this attempt
                return None
            most = self._live.config.service.attempts
            log_of(job, "again").warning("%s: attempt %d of %d: %s", name_of(job), job.attempts, most, ended)
        return None

    def finish(self, job: Job, store: JobStore) -> Ended:
        """Take a job to the end that an earlier run of the service has begun.

        No hook runs: that run may have run it.
        """

        def finish() -> None:
            store.finish(job)

        return self._endings.persist(job, store, NO_HOOKS, finish)

    def run_through(self, job: Job, store: JobStore, options: JobOptions) -> JobOutcome | None:
        """Take one job to its outcome, and wait on this thread for as long as the disk takes.

        A folder that is gone is not waited for: nobody mounts it again while a command runs.
        """
        ended = self.run(job, store, options)
        pauses = Backoff(_DISK_PAUSE_SECONDS, _LONGEST_DISK_PAUSE)
        while isinstance(ended, Stalled) and not self._stopping.is_set():
            if isinstance(ended.problem, FileNotFoundError):
                gone = DocumentError("unreadable", f"a folder is gone: {ended.problem}", stage="open")
                ended = self._endings.fail(ended.job, store, options.hooks, gone)
                break
            pause = pauses.next()
            log_of(job).error("%s: %s; trying again in %.0f s", name_of(job), ended.problem, pause)
            self._stopping.wait(pause)
            ended = ended.again()
        return ended if isinstance(ended, JobOutcome) else None

    def _attempt(self, job: Job, store: JobStore, options: JobOptions) -> tuple[Job, Ended | EngineError]:
        """Try once. Return the job with its attempts counted, and how it ended or why it has to be tried again."""
        attempt = Attempt(job, options, alone=job.attempts + job.interruptions > 0)
        try:
            refuse_if_spent(job, self._live.config.service.attempts)
            with self._statistics.watching(attempt):
                attempt.job = store.begin(job)
                if taken_back(attempt.job, store):
                    return attempt.job, None
                draft = self._reader.read(attempt, store)
                return attempt.job, self._endings.publish(attempt, store, draft)
        except DocumentError as error:
            return attempt.job, self._at_fault(job, attempt, store, error)
        except EngineError as error:
            return attempt.job, error
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - a bug of ours must not end the thread, nor lose or loop the file
            log_of(job).exception("%s: internal error", name_of(job))
            # This counts as an attempt, also where the error came before it could be counted.
            counted = replace(attempt.job, attempts=max(attempt.job.attempts, job.attempts + 1))
            return counted, EngineError(f"internal error: {error!r}")

    def _at_fault(self, job: Job, attempt: Attempt, store: JobStore, error: DocumentError) -> Ended:
        """Let the file fail, unless somebody is still writing to it or its disk does not answer."""
        refuse_to_blame(error, store)
        if taken_back(attempt.job, store, error):
            return None
        ended = self._endings.fail(attempt.job, store, attempt.options.hooks, error)
        if isinstance(ended, Stalled) and error.stage == "open":
            # The disk is away now, so it was perhaps away when the file was opened: nothing is known of the file.
            return replace(ended, again=partial(self.run, job, store, attempt.options))
        return ended
