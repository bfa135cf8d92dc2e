"""Takes a job to one of its ends. Its result is delivered, it fails, or it waits for its disk.

A step on the disk that fails is the step that is tried again: nothing that was read is read again.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from typing import Any

from ocrspool.config.job_options import HookOptions
from ocrspool.decoding.api import DecoderPool
from ocrspool.errors import DocumentError, EngineError
from ocrspool.files import names
from ocrspool.formatting import counted
from ocrspool.observability.statistics import JobStatistics
from ocrspool.pipeline.attempt import Attempt
from ocrspool.pipeline.draft import Draft
from ocrspool.pipeline.job_log import log_of, name_of
from ocrspool.pipeline.job_outcome import Ended, JobOutcome, Stalled
from ocrspool.pipeline.outputs import SourceContext, add_outputs
from ocrspool.results.rendered import RenderedResult
from ocrspool.spool.failure_reason import reason, reason_beside
from ocrspool.spool.job_store import JobStore
from ocrspool.spool.jobs import Job
from ocrspool.spool.outbox import beside


class Endings:
    """The ends of jobs. Each call is about one job, on its thread."""

    def __init__(self, decoders: DecoderPool, statistics: JobStatistics, is_stopping: Callable[[], bool]) -> None:
        self._decoders = decoders
        self._statistics = statistics
        self._is_stopping = is_stopping

    def publish(self, attempt: Attempt, store: JobStore, draft: Draft) -> Ended:
        """Make the outputs, render the result, and deliver it."""
        job, options = attempt.job, attempt.options
        source = SourceContext(job.source, options.profile, self._decoders, store.hangs)

        def publish() -> Ended:
            told = draft.with_done_as(store.done_as(job))
            whole = add_outputs(told, options.outputs, partial(store.place, job), source)
            deliver = partial(self._deliver, attempt, store, whole, whole.rendered())
            return self.persist(job, store, options.hooks, deliver)

        return self.persist(job, store, options.hooks, publish)

    def _deliver(self, attempt: Attempt, store: JobStore, draft: Draft, result: RenderedResult) -> Ended:
        """Deliver the result, log and count it. Return None where the file was given back instead."""
        job = attempt.job
        if taken_back(job, store):
            return None
        target = store.deliver(job, result)
        facts = draft.summary(target)
        self._statistics.done(facts, draft.run.seconds, _since_drop(job))
        log_of(job, "done").info(
            "done %s (%s): %s, %s in %.2f s%s%s → %s",
            name_of(job),
            job.inbox,
            counted(facts["pages"], "page"),
            counted(facts["lines"], "line"),
            (datetime.now(timezone.utc) - attempt.started).total_seconds(),
            f", {counted(facts['lost'], 'page')} failed" if facts["lost"] else "",
            f", warnings: {', '.join(facts['warnings'])}" if facts["warnings"] else "",
            names.printable(str(target)),
        )
        files = (target, *(beside(target, suffix) for suffix in result.files.suffixes))
        return JobOutcome("done", job, files, _variables(facts, draft.facts.status), attempt.options.hooks)

    def fail(self, job: Job, store: JobStore, hooks: HookOptions, error: DocumentError) -> JobOutcome | Stalled:
        """Put the source aside with its reason. The job waits where the disk does not allow that."""
        why = reason(error, job.name, job.inbox, job=job.id, attempts=job.attempts)
        try:
            target = store.fail(job, why)
        except (OSError, DocumentError) as problem:
            return self._stalled(job, store, hooks, problem, partial(self.fail, job, store, hooks, error))
        self._statistics.failed({**why, "file": names.to_json(os.fspath(target))})
        message = f"{error.message} ({error.hint})" if error.hint else error.message
        log_of(job, "failed").warning(
            "failed %s (%s): %s → %s", name_of(job), job.inbox, names.printable(message), names.printable(str(target))
        )
        files = (target, reason_beside(target))
        return JobOutcome("failed", job, files, hooks=hooks)

    def persist(self, job: Job, store: JobStore, hooks: HookOptions, step: Callable[[], Ended]) -> Ended:
        """Take a step on the disk. Where the disk fails, the job waits and takes that step again."""
        try:
            return step()
        except OSError as problem:
            return self._stalled(job, store, hooks, problem, step)
        except DocumentError as error:
            return self.fail(job, store, hooks, error)
        except EngineError:
            if not self._is_stopping():
                raise
            self.suspend(job, store)
            return None

    def _stalled(
        self, job: Job, store: JobStore, hooks: HookOptions, problem: Exception, step: Callable[[], Ended]
    ) -> Stalled:
        again = partial(self.persist, job, store, hooks, step)
        return Stalled(job, problem, again, partial(store.suspend, job))

    def suspend(self, job: Job, store: JobStore) -> None:
        """Leave a job in work/ for the next start. Its attempt is taken back as far as its disk allows."""
        try:
            store.suspend(job)
        except OSError as problem:
            log_of(job).warning("%s: %s; this attempt counts", name_of(job), problem)


def taken_back(job: Job, store: JobStore, error: DocumentError | None = None) -> bool:
    """Tell whether the file was given back, because somebody is still writing to it. The log says that once a file."""
    found = store.take_back(job, error)
    if found is not None:
        level = logging.DEBUG if found.again else logging.INFO
        log_of(job, "given-back").log(
            level, "%s is not finished and goes back: %s", name_of(job), names.printable(found.why)
        )
    return found is not None


def _since_drop(job: Job) -> float | None:
    """Return how many seconds ago the file arrived or was last written to; None where that is not known."""
    return None if job.seen is None else time.time() - job.seen.ctime_ns / 1e9


def _variables(facts: dict[str, Any], status: str) -> dict[str, str]:
    """Return what a hook is told of a document."""
    return {"STATUS": status, "PAGES": str(facts["pages"]), "WARNINGS": " ".join(facts["warnings"])}
