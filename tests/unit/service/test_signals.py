"""Signals that this process sends itself, taken note of as the service does."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.service.signals import Signals, StoppedError


@pytest.fixture
def signals(wake: WakeupEvent) -> Iterator[Signals]:
    """Signals that are heeded during the test."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    made = Signals(wake)
    made.install()
    yield made
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def send(number: signal.Signals) -> None:
    """Send it; its handler has run when this returns."""
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_are_counted(signals: Signals, wake: WakeupEvent, number: signal.Signals) -> None:
    """A second one means more than the first; each ends a wait."""
    for count in (1, 2):
        send(number)
        assert signals.stops == count
        assert wake.wait(0)
    assert not signals.reload_wanted


def test_a_reload_is_wanted(signals: Signals, wake: WakeupEvent) -> None:
    """SIGHUP stops nothing, and ends a wait."""
    send(signal.SIGHUP)
    assert signals.reload_wanted
    assert signals.stops == 0
    assert wake.wait(0)


def test_a_stop_ends_what_may_be_interrupted(signals: Signals) -> None:
    """It is counted all the same. A reload ends nothing, and neither does a stop after it."""
    went_on = False

    def go_on() -> None:
        nonlocal went_on
        with signals.interruptible():
            send(signal.SIGHUP)
            send(signal.SIGTERM)
            went_on = True

    with pytest.raises(StoppedError):
        go_on()
    assert not went_on
    send(signal.SIGTERM)
    assert signals.stops == 2


def test_a_stop_that_came_before_counts(signals: Signals) -> None:
    """What may be interrupted is not begun: a build takes up to half an hour."""
    send(signal.SIGTERM)
    begun = False
    with pytest.raises(StoppedError), signals.interruptible():
        begun = True
    assert not begun
    assert signals.stops == 1


def test_clearing_up_is_not_interrupted(signals: Signals) -> None:
    """The second of two stops comes while what the first has ended is cleared away: that goes on."""
    cleared = False

    def go_on() -> None:
        nonlocal cleared
        with signals.interruptible():
            try:
                send(signal.SIGTERM)
            finally:
                send(signal.SIGTERM)
                cleared = True

    with pytest.raises(StoppedError):
        go_on()
    assert cleared
    assert signals.stops == 2
