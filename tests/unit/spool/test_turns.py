"""Turns: one thread at a time, and nobody is kept from its work."""

from __future__ import annotations

import threading

import pytest

from ocrspool.spool.turns import Turns

_LONG_SECONDS = 30


def test_a_turn_is_taken_after_another() -> None:
    """No thread meets another in its turn."""
    turns = Turns(_LONG_SECONDS)
    inside: list[int] = []
    met: list[int] = []

    def take() -> None:
        for _ in range(50):
            with turns:
                inside.append(1)
                met.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_LONG_SECONDS)
    assert met == [1] * 200


def test_who_waits_behind_others_waits_longer() -> None:
    """Eight turns of a quarter of a second: the last thread waits longer than one second, and meets nobody."""
    turns = Turns(1.0)
    never, all_wait = threading.Event(), threading.Barrier(9)
    inside: list[int] = []
    met: list[int] = []

    def take() -> None:
        all_wait.wait(_LONG_SECONDS)
        with turns:
            inside.append(1)
            met.append(len(inside))
            never.wait(0.25)  # a step on a disk
            inside.pop()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    all_wait.wait(_LONG_SECONDS)
    for thread in threads:
        thread.join(_LONG_SECONDS)
    assert met == [1] * 8


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
