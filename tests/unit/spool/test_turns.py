"""Turns: one thread at a time, and nobody is kept from its work."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from ocrspool.spool.turns import Turns

_LONG_SECONDS = 30


def _met(turns: Turns, threads: int, times: int, step: Callable[[], object]) -> list[int]:
    """Let threads take turns, so many times each, and do a step in each; return how many were inside at one time."""
    all_begin = threading.Barrier(threads)
    inside: list[int] = []
    met: list[int] = []

    def take() -> None:
        all_begin.wait(_LONG_SECONDS)
        for _ in range(times):
            with turns:
                inside.append(1)
                met.append(len(inside))
                step()
                inside.pop()

    started = [threading.Thread(target=take) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join(_LONG_SECONDS)
    return met


def test_a_turn_is_taken_after_another() -> None:
    """No thread meets another in its turn."""
    assert _met(Turns(_LONG_SECONDS), 4, 50, lambda: None) == [1] * 200


def test_who_waits_behind_others_waits_longer() -> None:
    """Eight turns of a quarter of a second: the last thread waits longer than one second, and meets nobody."""
    never = threading.Event()
    assert _met(Turns(1.0), 8, 1, lambda: never.wait(0.25)) == [1] * 8  # a step on a disk


def test_a_turn_that_does_not_end_stops_nobody(turns: Turns) -> None:
    """A thread whose disk hangs keeps its turn; the next one goes on without, and ends nobody else's."""
    went_on = threading.Event()

    def go_on() -> None:
        with turns:
            went_on.set()

    with turns:
        thread = threading.Thread(target=go_on)
        thread.start()
        assert went_on.wait(_LONG_SECONDS)
        thread.join(_LONG_SECONDS)
        assert not thread.is_alive()
    with turns:
        pass


def test_an_error_ends_a_turn(turns: Turns) -> None:
    """What is raised goes on, and the next turn is free: by the same thread too."""
    with pytest.raises(OSError, match="full"), turns:
        raise OSError("full")
    with turns, turns:  # a turn within a turn is an error of ours, and harmless
        pass
    with turns:
        pass


@pytest.fixture
def turns() -> Turns:
    return Turns()
