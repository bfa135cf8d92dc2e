"""One thread of a worker computes in Python at a time, beside nets that run on a GPU.

Steps around the nets are some thousand short calls of numpy and OpenCV a page. Each of them gives Python's lock away
and takes it back. Several threads that do so wake each other all the time, which costs as much as the steps: without
turns, 160 waits a receipt instead of 24 (`scripts/bench around`, 2 processors). So a thread keeps its turn for as long as it computes, and leaves it while a net does. More
workers, not more threads, make use of more processors.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from ocrspool.engine.runtimes.wrapped_net import WrappedNet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ocrspool.engine.spec import Net, Pixels


class Turn:
    """The right to compute, which one thread has at a time; or every thread, where nobody has to wait."""

    def __init__(self, *, exclusive: bool) -> None:
        self._lock = threading.Lock() if exclusive else None

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for the turn, and have it within the block."""
        if self._lock is None:
            yield
            return
        with self._lock:
            yield

    @contextlib.contextmanager
    def left(self) -> Iterator[None]:
        """Let others have the turn within the block. Only the thread that has it may do so."""
        if self._lock is None:
            yield
            return
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()


class NetBetweenTurns(WrappedNet):
    """A net for the thread that has the turn: others compute while it runs."""

    def __init__(self, net: Net, turn: Turn) -> None:
        super().__init__(net)
        self._turn = turn

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        """Run one batch; see Net."""
        with self._turn.left():
            return self._net(batch)
