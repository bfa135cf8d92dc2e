"""What the line does when we are wrong ourselves, and when the disk is away."""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path
from typing import Any

import pytest

from ocrspool.config.current import CurrentConfig
from ocrspool.config.job_options import JobOptions
from ocrspool.config.schema import Config, Profile
from ocrspool.config.sections import Paths
from ocrspool.decoding.pool import DecoderProcessPool
from ocrspool.intake.local_files import LocalFiles
from ocrspool.observability.statistics import JobStatistics
from ocrspool.pipeline.job_outcome import JobOutcome, Stalled
from ocrspool.pipeline.pipeline import Pipeline
from ocrspool.recognition.pool import WorkerPool
from ocrspool.spool.jobs import Job
from support.sample_results import ENGINE


class Wrong(LocalFiles):
    """A bug of ours, before anything could be counted."""

    def begin(self, job: Job) -> Job:
        """Raise what nobody expects."""
        raise LookupError(job.name)


@pytest.mark.timeout(60)
def test_a_bug_of_ours_ends(tmp_path: Path) -> None:
    """The file is given up after as many attempts as any other, with a reason; it does not go round for ever."""
    live = CurrentConfig(Config())
    outcomes = Wrong(tmp_path)
    pipeline = Pipeline(live, DecoderProcessPool(0, live), WorkerPool(live, lambda _: None), ENGINE, JobStatistics())
    event = pipeline.run_through(Job("1", "once", "a.png", tmp_path / "a.png"), outcomes, JobOptions(Profile()))
    assert event is not None
    assert event.outcome == "failed"
    [(_, reason)] = outcomes.failures
    assert (reason["kind"], reason["attempts"]) == ("crash", live.config.service.attempts)


class Away(LocalFiles):
    """Folders on a disk that goes away and comes back."""

    here = False

    def fail(self, job: Job, reason: dict[str, Any]) -> Path:
        """Say that the folder is not there, as long as it is not."""
        if not self.here:
            raise FileNotFoundError(errno.ENOENT, "no such folder", "failed")
        return super().fail(job, reason)


def test_a_disk_that_was_away_when_the_file_was_to_be_opened(tmp_path: Path) -> None:
    """The file is opened again when the disk is back: it was not the file that could not be read."""
    live = CurrentConfig(Config(paths=Paths(cache=tmp_path)))
    outcomes = Away(tmp_path)
    source = tmp_path / "a.txt"
    with contextlib.closing(DecoderProcessPool(1, live)) as decoders:
        decoders.start()
        pipeline = Pipeline(live, decoders, WorkerPool(live, lambda _: None), ENGINE, JobStatistics())
        stalled = pipeline.run(Job("1", "once", "a.txt", source), outcomes, JobOptions(Profile()))
        assert isinstance(stalled, Stalled)
        source.write_bytes(b"no picture, but here")
        outcomes.here = True
        event = stalled.again()
    assert isinstance(event, JobOutcome)
    [(_, reason)] = outcomes.failures
    assert (reason["kind"], reason["attempts"]) == ("unsupported", 1)


def test_a_folder_that_is_gone_ends_a_command(tmp_path: Path) -> None:
    """`once` does not wait for a folder that was removed while it ran."""
    live = CurrentConfig(Config(paths=Paths(cache=tmp_path)))
    outcomes = LocalFiles(tmp_path)
    with contextlib.closing(DecoderProcessPool(1, live)) as decoders:
        decoders.start()
        pipeline = Pipeline(live, decoders, WorkerPool(live, lambda _: None), ENGINE, JobStatistics())
        event = pipeline.run_through(
            Job("1", "once", "a.png", tmp_path / "gone/a.png"), outcomes, JobOptions(Profile())
        )
    assert event is not None
    [(_, reason)] = outcomes.failures
    assert reason["kind"] == "unreadable"
