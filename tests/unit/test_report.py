"""What the main loop asks of the status several times for each file: it looks only where something is due."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocrspool.notify import Notifier
from ocrspool.report import Reporter, Standing
from ocrspool.tally import Tally
from results_made import ENGINE


@pytest.fixture
def reporter(tmp_path: Path) -> Reporter:
    """Nothing has been told yet."""
    return Reporter(Notifier(), tmp_path, ENGINE, Tally(), {})


def test_nobody_looks_a_moment_after_it_was_told(reporter: Reporter, tmp_path: Path) -> None:
    """However often it is asked meanwhile; `at_once` looks and tells all the same."""
    looks: list[int] = []

    def look() -> Standing:
        looks.append(1)
        return Standing("ready", len(looks), 0, (), 0)

    reporter.tell(look)
    assert reporter.facts["waiting"] == 1
    for _ in range(100):
        reporter.tell(look)
        assert 0 < reporter.due_in(look) <= 1
    assert len(looks) == 1
    reporter.tell(look, at_once=True)
    assert reporter.facts["waiting"] == 2
    assert (tmp_path / "status.json").exists()
