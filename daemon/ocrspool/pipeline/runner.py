"""Runs jobs for the threads of inboxes, and lets hooks know how they ended."""

from __future__ import annotations

from typing import Protocol

from ocrspool.config.job_options import JobOptions
from ocrspool.pipeline.hooks import Hooks
from ocrspool.pipeline.job_outcome import Ended, JobOutcome
from ocrspool.spool.job_store import JobStore
from ocrspool.spool.jobs import Job


class RunsJobs(Protocol):
    """What a runner needs of a pipeline."""

    def run(self, job: Job, store: JobStore, options: JobOptions) -> Ended:
        """Take one job as far as it gets."""

    def finish(self, job: Job, store: JobStore) -> Ended:
        """Take a job to the end that an earlier run of the service has begun."""


class JobRunner:
    """The one pipeline of a service and its hooks, for all inboxes."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._pipeline: RunsJobs | None = None

    def serve(self, pipeline: RunsJobs) -> None:
        """Use this pipeline from now on. Inboxes recover while engines are loaded, so they are there before it is."""
        self._pipeline = pipeline

    def run(self, job: Job, store: JobStore, options: JobOptions) -> Ended:
        """Take a job to its outcome, or to where it has to wait. The thread of the job does this."""
        return self._serving().run(job, store, options)

    def finish(self, job: Job, store: JobStore) -> Ended:
        """Take a job to the end that the last run of the service has begun."""
        return self._serving().finish(job, store)

    def announce(self, outcome: JobOutcome) -> None:
        """Let the hooks know what came of a job."""
        self._hooks.enqueue(outcome)

    def _serving(self) -> RunsJobs:
        if self._pipeline is None:
            raise RuntimeError("no slot may be granted before there is a pipeline")
        return self._pipeline
