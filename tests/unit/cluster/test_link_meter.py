"""What a link carries, as seen by the pages that travel on it: no network, no clock."""

from __future__ import annotations

import pytest

from ocrspool.cluster.bridge.link_meter import LinkMeter

MB = 1_000_000


class Clock:
    now = 1000.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def meter(clock: Clock) -> LinkMeter:
    made = LinkMeter(lambda: clock.now)
    made.set(100.0 * MB)
    return made


def test_pages_that_travel_together_share_the_link(meter: LinkMeter, clock: Clock) -> None:
    """Two pages of 6 MB in the same second: 12 MB a second, and not 6. A pause between them counts for nothing."""
    clock.now = 1001.0
    meter.note(0.0, 1.0, 6 * MB)
    assert meter.bytes_per_second == 6 * MB
    meter.note(0.0, 1.0, 6 * MB)
    assert meter.bytes_per_second == 12 * MB
    meter.note(5.0, 5.5, 6 * MB)
    assert meter.bytes_per_second == 12 * MB
    assert meter.measured == 1001.0


def test_it_follows_a_link_that_changes(meter: LinkMeter) -> None:
    """What is older than half a minute counts no more."""
    meter.note(0.0, 0.1, 10 * MB)
    assert meter.bytes_per_second == pytest.approx(100 * MB)
    meter.note(40.0, 45.0, 10 * MB)
    assert meter.bytes_per_second == pytest.approx(2 * MB)
    meter.note(80.0, 80.1, 10 * MB)
    assert meter.bytes_per_second == pytest.approx(100 * MB)


def test_small_files_tell_nothing_of_a_fast_link(meter: LinkMeter, clock: Clock) -> None:
    """One alone takes as long as a call does. Where it takes much longer, the link is slow. Answers are no data."""
    clock.now = 1002.0
    meter.note(0.0, 0.004, 400_000)
    meter.note(1.0, 3.0, 500)
    assert (meter.bytes_per_second, meter.measured) == (100 * MB, 1000.0)
    meter.note(10.0, 12.0, 400_000)
    assert meter.bytes_per_second == pytest.approx(800_000 / 2.004)
    assert meter.measured == 1002.0


def test_the_time_of_a_call_is_no_time_of_the_link(meter: LinkMeter) -> None:
    """The shortest call without data is what counts."""
    meter.note_call(0.5)
    meter.note_call(0.01)
    meter.note_call(0.2)
    meter.note(0.0, 0.11, 10 * MB)
    assert meter.bytes_per_second == pytest.approx(100 * MB)
