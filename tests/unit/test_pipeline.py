"""What the line does when we are wrong ourselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocrspool.config import Config, Live, Profile
from ocrspool.decoders import Decoders
from ocrspool.folders import Folders
from ocrspool.jobs import Job
from ocrspool.pipeline import Pipeline
from ocrspool.tally import Tally
from ocrspool.workers import Workers
from results_made import ENGINE


class Wrong(Folders):
    """A bug of ours, before anything could be counted."""

    def begin(self, job: Job) -> Job:
        """Raise what nobody expects."""
        raise LookupError(job.name)


@pytest.mark.timeout(60)
def test_a_bug_of_ours_ends(tmp_path: Path) -> None:
    """The file is given up after as many attempts as any other, with a reason; it does not go round for ever."""
    live = Live(Config())
    outcomes = Wrong(tmp_path)
    pipeline = Pipeline(live, Decoders(0, live), Workers(live, lambda _: None), ENGINE, Tally())
    event = pipeline.run_through(Job("1", "once", "a.png", tmp_path / "a.png"), outcomes, Profile())
    assert event is not None
    assert event.outcome == "failed"
    [(_, reason)] = outcomes.failures
    assert (reason["kind"], reason["attempts"]) == ("crash", live.config.service.attempts)
