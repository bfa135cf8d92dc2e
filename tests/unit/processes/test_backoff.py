"""Pauses that grow."""

from __future__ import annotations

from ocrspool.processes.backoff import Backoff


def test_each_is_twice_as_long() -> None:
    """Up to the longest, which stays."""
    pauses = Backoff(1, 15)
    assert [pauses.next() for _ in range(7)] == [1, 2, 4, 8, 15, 15, 15]


def test_after_a_success() -> None:
    """The first pause is the next one, however often this is said."""
    pauses = Backoff(2)
    pauses.next()
    pauses.next()
    pauses.reset()
    pauses.reset()
    assert [pauses.next() for _ in range(3)] == [2, 4, 8]
