"""What the threads of all inboxes share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from ocrspool.config.current import CurrentConfig
from ocrspool.config.job_options import JobOptions
from ocrspool.config.schema import Inbox, Profile
from ocrspool.intake.inbox import watched_folder
from ocrspool.intake.source import JobSource
from ocrspool.pipeline.job_outcome import JobOutcome
from ocrspool.processes.shortage import Shortage
from ocrspool.processes.threads import Threads
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.service.active_jobs import Halted
from ocrspool.spool.disk_steps import DiskSteps
from ocrspool.spool.job_store import JobStore
from ocrspool.spool.jobs import Job

NewSource = Callable[[str, Inbox, Profile, WakeupEvent, DiskSteps], JobSource]


class Runner(Protocol):
    """What takes jobs to their outcomes (pipeline/runner.py)."""

    def run(self, job: Job, store: JobStore, options: JobOptions) -> JobOutcome | Halted | None:
        """Read a job's file and deliver the result, as far as the job gets."""

    def finish(self, job: Job, store: JobStore) -> JobOutcome | Halted | None:
        """Take a job to the end that the last run of the service has begun."""

    def announce(self, outcome: JobOutcome) -> None:
        """Let the hooks know what came of a job."""


@dataclass(frozen=True, slots=True)
class SharedResources:
    """What the threads of all inboxes share."""

    live: CurrentConfig
    runner: Runner
    shortage: Shortage
    most: int
    """Jobs that one inbox may have in work, those that wait for its disk included."""
    wake: WakeupEvent
    """Of the main loop."""
    threads: Threads = field(default_factory=partial(Threads, "job"))
    """Of all jobs."""
    new_source: NewSource = watched_folder
