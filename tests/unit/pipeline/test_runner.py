"""Jobs of all inboxes run in the one pipeline of the service."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocrspool.config.job_options import HookOptions, JobOptions
from ocrspool.config.schema import Profile
from ocrspool.pipeline.hooks import Hooks
from ocrspool.pipeline.job_outcome import JobOutcome
from ocrspool.pipeline.runner import JobRunner
from ocrspool.spool.job_store import JobStore
from ocrspool.spool.jobs import Job
from support.memory_job_store import MemoryJobStore

JOB = Job("1", "scans", "a.png", Path("/a.png"))
OPTIONS = JobOptions(Profile())


class Recorder:
    """A pipeline that notes what it is to do."""

    def __init__(self) -> None:
        self.ran: list[tuple[Job, JobOptions]] = []
        self.finished: list[Job] = []

    def run(self, job: Job, store: JobStore, options: JobOptions) -> JobOutcome:  # noqa: ARG002 - there is one store
        self.ran.append((job, options))
        return JobOutcome("done", job, ())

    def finish(self, job: Job, store: JobStore) -> None:  # noqa: ARG002 - likewise
        self.finished.append(job)


def test_there_is_no_pipeline_before_the_engines_are_loaded(tmp_path: Path) -> None:
    """Whoever grants a slot before that has a bug, which is not to be taken for the file's fault."""
    runner = JobRunner(Hooks())
    with pytest.raises(RuntimeError, match="no slot may be granted"):
        runner.run(JOB, MemoryJobStore(tmp_path), OPTIONS)


def test_the_job_and_its_options_arrive(tmp_path: Path) -> None:
    """As they were at its claim."""
    runner, pipeline = JobRunner(Hooks()), Recorder()
    runner.serve(pipeline)
    assert runner.run(JOB, MemoryJobStore(tmp_path), OPTIONS) == JobOutcome("done", JOB, ())
    assert runner.finish(JOB, MemoryJobStore(tmp_path)) is None
    assert (pipeline.ran, pipeline.finished) == ([(JOB, OPTIONS)], [JOB])


def test_hooks_hear_of_an_outcome() -> None:
    """Of one that has a command for it."""
    hooks = Hooks()
    runner = JobRunner(hooks)
    runner.announce(JobOutcome("done", JOB, (), hooks=HookOptions(on_failed=("x",))))
    assert not hooks.busy()
    runner.announce(JobOutcome("failed", JOB, (), hooks=HookOptions(on_failed=("x",))))
    assert hooks.busy()
