"""Few threads of a worker compute in Python at a time, beside nets that run on a GPU.

The steps around the nets are some thousand short calls of numpy and OpenCV a page. Each of them gives Python's lock
away and takes it back. Seven threads that do so wake each other all the time. So a thread takes a turn to compute, and
leaves it while it waits for a net. docs/lab/gpu.md has what was measured.
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

_AT_A_TIME = 2
"""One thread computes while the other is in a part of OpenCV or numpy that does without Python's lock."""


class Turn:
    """The right to compute, which few threads have at a time; or every thread, where nobody has to wait."""

    def __init__(self, *, limited: bool) -> None:
        self._free = threading.BoundedSemaphore(_AT_A_TIME) if limited else None

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for a turn, and have it within the block."""
        if self._free is None:
            yield
            return
        with self._free:
            yield

    @contextlib.contextmanager
    def left(self) -> Iterator[None]:
        """Let others have the turn within the block. Only a thread that has one may do so."""
        if self._free is None:
            yield
            return
        self._free.release()
        try:
            yield
        finally:
            self._free.acquire()


class NetBetweenTurns(WrappedNet):
    """A net for a thread that has a turn: others compute while it runs."""

    def __init__(self, net: Net, turn: Turn) -> None:
        super().__init__(net)
        self._turn = turn

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        """Run one batch; see Net."""
        with self._turn.left():
            return self._net(batch)
