"""What the main loop asks of the status several times for each file: it looks only where something is due."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocrspool.observability.statistics import JobStatistics
from ocrspool.observability.status import ServiceStatus, StatusPublisher
from ocrspool.observability.systemd import Notifier
from results_made import ENGINE


@pytest.fixture
def publisher(tmp_path: Path) -> StatusPublisher:
    """Nothing has been told yet."""
    return StatusPublisher(Notifier(), tmp_path, ENGINE, JobStatistics(), {})


def test_nobody_looks_a_moment_after_it_was_told(publisher: StatusPublisher, tmp_path: Path) -> None:
    """However often it is asked meanwhile; `at_once` looks and tells all the same."""
    looks: list[int] = []

    def look() -> ServiceStatus:
        looks.append(1)
        return ServiceStatus("ready", len(looks), 0, (), 0)

    publisher.publish(look)
    assert publisher.facts["waiting"] == 1
    for _ in range(100):
        publisher.publish(look)
        assert 0 < publisher.due_in(look) <= 1
    assert len(looks) == 1
    publisher.publish(look, at_once=True)
    assert publisher.facts["waiting"] == 2
    assert (tmp_path / "status.json").exists()
