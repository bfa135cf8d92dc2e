"""Calls that wait for a net are joined, each gets its own part of the answer, and none waits for more to come."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ocrspool.engine.runtimes.gathered import GatheringNet
from ocrspool.engine.spec import ShapeProfile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.spec import Pixels

SIZE = (8, 16, 3)


class GatedNet:
    """A net for so many items that answers when it may: gives the first pixel of each item."""

    parallel = 1
    warm_up = ()

    def __init__(self, size: int, *, error: Exception | None = None) -> None:
        self.batch = size
        self.profile = ShapeProfile((1, *SIZE), (size, *SIZE), (size, *SIZE))
        self.calls: list[list[int]] = []
        self.begun, self.may_end = threading.Semaphore(0), threading.Semaphore(0)
        self._error = error

    def __call__(self, batch: Pixels) -> tuple[NDArray[np.uint8]]:
        assert len(batch) == self.batch
        self.calls.append(batch[:, 0, 0, 0].tolist())
        self.begun.release()
        assert self.may_end.acquire(timeout=10)
        if self._error:
            raise self._error
        return (batch[:, 0, 0, 0],)


def _items(*marks: int) -> Pixels:
    return np.stack([np.full(SIZE, mark, np.uint8) for mark in marks])


def _waiting(net: GatheringNet, count: int) -> None:
    """Return when so many calls wait."""
    while len(net._waiting) < count:  # nothing else tells that a thread waits
        threading.Event().wait(0.001)


def test_a_call_alone_runs_at_once() -> None:
    """In the smallest size, filled up; the answer has only its own items."""
    one, four = GatedNet(1), GatedNet(4)
    net = GatheringNet({4: four, 1: one})
    one.may_end.release()
    four.may_end.release()
    assert net(_items(7))[0].tolist() == [7]
    assert net(_items(8, 9))[0].tolist() == [8, 9]
    assert one.calls == [[7]]
    assert four.calls == [[8, 9, 127, 127]]


def test_what_waits_is_joined() -> None:
    """Five calls come while the net is busy: four items fill the next batch, and the rest goes after it."""
    one, four = GatedNet(1), GatedNet(4)
    net = GatheringNet({1: one, 4: four})
    with ThreadPoolExecutor(6) as threads:
        first = threads.submit(net, _items(1))
        assert one.begun.acquire(timeout=10)
        calls = []
        for mark in (2, 3, 4, 5, 6):
            calls.append(threads.submit(net, _items(mark)))
            _waiting(net, len(calls))
        for gate in (one, four, one):
            gate.may_end.release()
        assert first.result(10)[0].tolist() == [1]
        assert [call.result(10)[0].tolist() for call in calls] == [[2], [3], [4], [5], [6]]
    assert four.calls == [[2, 3, 4, 5]]
    assert one.calls == [[1], [6]]


def test_an_error_is_everybodys_whose_items_were_in_the_batch() -> None:
    """Nobody waits for ever, and the next call runs."""
    one, two = GatedNet(1), GatedNet(2, error=ValueError("broken"))
    net = GatheringNet({1: one, 2: two})
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(net, _items(1))
        assert one.begun.acquire(timeout=10)
        calls = []
        for mark in (2, 3):
            calls.append(threads.submit(net, _items(mark)))
            _waiting(net, len(calls))
        for gate in (one, two):
            gate.may_end.release()
        assert first.result(10)[0].tolist() == [1]
        for call in calls:
            with pytest.raises(ValueError, match="broken"):
                call.result(10)
    one.may_end.release()
    assert net(_items(4))[0].tolist() == [4]


def test_as_many_calls_run_side_by_side_as_may() -> None:
    """The third one waits, and runs with the fourth when one of the two has ended."""
    one, two = GatedNet(1), GatedNet(2)
    net = GatheringNet({1: one, 2: two}, at_once=2)
    with ThreadPoolExecutor(4) as threads:
        calls = []
        for mark in (1, 2):
            calls.append(threads.submit(net, _items(mark)))
            assert one.begun.acquire(timeout=10)
        for mark in (3, 4):
            calls.append(threads.submit(net, _items(mark)))
            _waiting(net, mark - 2)
        one.may_end.release()
        assert two.begun.acquire(timeout=10)
        one.may_end.release()
        two.may_end.release()
        assert [call.result(10)[0].tolist() for call in calls] == [[1], [2], [3], [4]]
    assert (one.calls, two.calls) == ([[1], [2]], [[3, 4]])
    assert (net._running, len(net._waiting)) == (0, 0)
