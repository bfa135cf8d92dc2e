"""Calls of several threads, joined: what waits while a net computes becomes its next batch.

A GPU takes less for pages of one size in one call than for a call each (an H100: 2.2 ms for one page of 896 by 896,
6.6 for four). Nothing waits for a batch to be full. A call that finds the net idle runs at once, alone.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from ocrspool.engine.runtimes.wrapped_net import WrappedNet
from ocrspool.engine.spec import PADDING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ocrspool.engine.spec import Net, Pixels

    Answers = tuple[NDArray[Any], ...]

_STEP = 8
"""A net that takes any number of items gets the next multiple of it. An H100 reads 8 lines of 512 pixels in 1.0 ms, 16
in 1.4 ms, and 32 in 2.1 ms (TensorRT 8.5 in f16)."""


class GatheringNet:
    """One net for each of a few sizes of a batch; all take items of the same height and width.

    Only so many of them compute at a time. The thread whose call may run computes for the calls that it takes along.
    """

    def __init__(self, nets: Mapping[int, Net], at_once: int = 1) -> None:
        """Take the nets by the number of items that each is called with, and how many calls run side by side."""
        self._nets = sorted(nets.items(), key=itemgetter(0))
        self._most = self._nets[-1][0]
        self._at_once = at_once
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Pixels, Future[Answers | None]]] = deque()
        """Items, and what comes of them. None tells the waiting thread that it is its turn to compute."""
        self._running = 0
        """Calls. Others wait only while there are as many as may be."""

    @property
    def batch(self) -> int:
        """The most items that a call may have."""
        return self._most

    def __call__(self, batch: Pixels) -> Answers:
        """Return the answers for some items [n, h, w, 3]; n is at most the largest batch. See Net."""
        with self._lock:
            waits = self._running == self._at_once
            if waits:
                mine: Future[Answers | None] = Future()
                self._waiting.append((batch, mine))
            else:
                self._running += 1
        if waits and (answers := mine.result()) is not None:
            return answers
        return self._lead(batch)

    def _lead(self, batch: Pixels) -> Answers:
        """Compute for this call and for those that have waited longest; return its answers."""
        with self._lock:
            taken = self._take(len(batch))
        try:
            mine, *others = self._run([batch, *(items for items, _ in taken)])
        except BaseException as error:
            for _, waiting in taken:
                waiting.set_exception(error)
            raise
        finally:
            self._pass_on()
        for (_, waiting), answers in zip(taken, others, strict=True):
            waiting.set_result(answers)
        return mine

    def _take(self, count: int) -> list[tuple[Pixels, Future[Answers | None]]]:
        """Return the calls that fit beside so many items."""
        taken = []
        while self._waiting and count + len(self._waiting[0][0]) <= self._most:
            taken.append(self._waiting.popleft())
            count += len(taken[-1][0])
        return taken

    def _pass_on(self) -> None:
        """Let the next waiting thread compute, if there is one."""
        with self._lock:
            waiting = self._waiting.popleft()[1] if self._waiting else None
            if waiting is None:
                self._running -= 1
        if waiting is not None:
            waiting.set_result(None)

    def _run(self, batches: list[Pixels]) -> list[Answers]:
        """Run them as one batch, filled up to the smallest size that holds them; return the answers of each."""
        counts = [len(batch) for batch in batches]
        size, net = next(item for item in self._nets if item[0] >= sum(counts))
        answers = net(_joined(batches, size))
        ends = np.cumsum(counts).tolist()
        return [tuple(answer[end - count : end] for answer in answers) for count, end in zip(counts, ends, strict=True)]


class JoiningNet(WrappedNet):
    """A net that takes batches of any size: calls for items of one height and width are joined."""

    def __init__(self, net: Net) -> None:
        super().__init__(net)
        self._counts = (*range(_STEP, net.batch, _STEP), net.batch)
        self._lock = threading.Lock()
        self._sizes: dict[tuple[int, int], GatheringNet] = {}

    def __call__(self, batch: Pixels) -> Answers:
        """Run one batch, with those that wait; see Net."""
        _, height, width, _ = batch.shape
        with self._lock:
            if (height, width) not in self._sizes:
                by_count = dict.fromkeys(self._counts, self._net)
                self._sizes[height, width] = GatheringNet(by_count, self._net.parallel)
            joined = self._sizes[height, width]
        return joined(batch)


def _joined(batches: list[Pixels], size: int) -> Pixels:
    if len(batches) == 1 and len(batches[0]) == size:
        return batches[0]
    joined = np.empty((size, *batches[0].shape[1:]), np.uint8)
    count = sum(map(len, batches))
    np.concatenate(batches, out=joined[:count])
    joined[count:] = PADDING
    return joined
