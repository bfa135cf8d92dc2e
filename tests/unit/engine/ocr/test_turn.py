"""Few threads compute at a time, a net leaves its caller's turn to others, and without a limit nobody waits."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ocrspool.engine.ocr.turn import NetBetweenTurns, Turn
from ocrspool.engine.spec import ShapeProfile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.spec import Pixels

SHAPE = (1, 8, 8, 3)


class OpenGate:
    """A net that answers when so many calls are in it."""

    parallel = batch = 1
    warm_up = ()
    profile = ShapeProfile(SHAPE, SHAPE, SHAPE)

    def __init__(self, count: int) -> None:
        self._together = threading.Barrier(count)

    def __call__(self, batch: Pixels) -> tuple[NDArray[np.uint8]]:
        self._together.wait(10)
        return (batch,)


def _most_at_once(turn: Turn, threads: int) -> int:
    """Return how many of so many threads were seen computing at a time."""
    computing, most, lock = 0, 0, threading.Lock()

    def compute() -> None:
        nonlocal computing, most
        for _ in range(20):
            with turn.taken():
                with lock:
                    computing += 1
                    most = max(most, computing)
                sum(range(2000))
                with lock:
                    computing -= 1

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(compute) for _ in range(threads)]:
            done.result(20)
    return most


def test_two_threads_compute_at_a_time() -> None:
    """However many there are."""
    assert 1 <= _most_at_once(Turn(limited=True), 8) <= 2


def test_threads_in_a_net_have_no_turn() -> None:
    """Five threads are in the net at the same time, although two may compute."""
    turn = Turn(limited=True)
    net = NetBetweenTurns(OpenGate(5), turn)

    def search() -> None:
        with turn.taken():
            net(np.zeros(SHAPE, np.uint8))

    with ThreadPoolExecutor(5) as pool:
        for done in [pool.submit(search) for _ in range(5)]:
            done.result(20)


def test_a_turn_that_nobody_has_is_not_left() -> None:
    """A mistake of ours is told at once, and lets nobody compute who may not."""
    with pytest.raises(ValueError, match="released too many times"):
        NetBetweenTurns(OpenGate(1), Turn(limited=True))(np.zeros(SHAPE, np.uint8))


def test_without_a_limit_all_compute() -> None:
    """Five threads that have turns meet each other."""
    turn, together = Turn(limited=False), threading.Barrier(5)

    def compute() -> None:
        with turn.taken():
            together.wait(10)

    with ThreadPoolExecutor(5) as pool:
        for done in [pool.submit(compute) for _ in range(5)]:
            done.result(20)
