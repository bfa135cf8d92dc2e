"""Rates and the last hour, on a clock that the test turns."""

from __future__ import annotations

import pytest

from ocrspool.observability.snapshot import ByMinute
from ocrspool.observability.throughput import Throughput


class Clock:
    """Shows what it was set to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Throughput:
    return Throughput(clock)


def test_nothing_is_no_rate(pace: Throughput) -> None:
    """And a flat hour."""
    assert (pace.files_per_minute(), pace.pages_per_second()) == (0, 0)
    assert pace.by_minute() == ByMinute((0,) * 60, (0,) * 60)


def test_the_rate_is_of_the_time_since_work_began(pace: Throughput, clock: Clock) -> None:
    """Two files and 30 pages in 10 seconds, after a long pause: the pause does not count."""
    pace.add(10)
    clock.now += 10
    pace.add(20)
    assert pace.files_per_minute() == pytest.approx(12)
    assert pace.pages_per_second() == pytest.approx(3)


def test_the_rate_falls_to_nothing(pace: Throughput, clock: Clock) -> None:
    """A minute after the last file it is 0, however fast that was."""
    pace.add(1000)
    clock.now += 30
    assert pace.pages_per_second() == pytest.approx(1000 / 30)
    clock.now += 31
    assert (pace.files_per_minute(), pace.pages_per_second()) == (0, 0)


def test_the_last_hour(pace: Throughput, clock: Clock) -> None:
    """Each minute has its files and pages, the present one last; what is older than an hour is forgotten."""
    clock.now = 600
    pace.add(1)
    clock.now = 605
    pace.add(2)
    clock.now = 720
    pace.add(5)
    hour = pace.by_minute()
    assert (hour.files[-3:], hour.pages[-3:]) == ((2, 0, 1), (3, 0, 5))
    assert sum(hour.files) == 3
    clock.now += 59 * 60
    assert pace.by_minute().pages[0] == 5
    clock.now += 60
    assert sum(pace.by_minute().pages) == 0


def test_memory_is_bounded(pace: Throughput, clock: Clock) -> None:
    """A service that runs for months keeps an hour."""
    for _ in range(1000):
        clock.now += 61
        pace.add(1)
    assert len(pace._minutes) == 60
    assert len(pace._recent) == 1
