"""Calls nets of another process; `__init__.py` has the messages."""

from __future__ import annotations

import fcntl
import math
import mmap
import os
import queue
import socket
from typing import TYPE_CHECKING, Any

import numpy as np

from ocrspool.engine.remote_nets.errors import error_of
from ocrspool.engine.spec import ShapeProfile
from ocrspool.errors import DeviceLostError, EngineError
from ocrspool.processes.channel import Channel, ChannelClosedError, Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ocrspool.engine.spec import Pixels, Shape

    Open = Callable[[tuple[int, int]], None]
    """Gives the process with the nets the socket and the memory file of a line, which it duplicates."""

_LINES = 8
"""Calls at once. More wait, which seldom happens: of a worker's eleven threads at most, two compute at a time, and the
memory of each line is as large as the largest batch that it has carried."""
_FIXED = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class RemoteNets:
    """The nets that a NetServer has."""

    def __init__(self, description: Message, give: Open) -> None:
        """Open the lines. Raise what `give` raises."""
        self._lines = [_Line(description["bytes"], give) for _ in range(_LINES)]
        free: queue.SimpleQueue[_Line] = queue.SimpleQueue()
        for line in self._lines:
            free.put(line)
        self.by_key = {key: RemoteNet(key, told, free) for key, told in description["nets"].items()}

    def close(self) -> None:
        """Let the other process close its ends. Nobody calls a net any more."""
        for line in self._lines:
            line.close()


class RemoteNet:
    """Looks like every net: safe to call from several threads."""

    warm_up: tuple[Shape, ...] = ()
    """None: the other process has run them."""

    def __init__(self, key: str, told: Message, lines: queue.SimpleQueue[_Line]) -> None:
        self._key = key
        self._lines = lines
        self.parallel: int = told["parallel"]
        self.batch: int = told["batch"]
        self.profile = ShapeProfile(*(_shape(each) for each in told["profile"]))

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        """Run one batch; see Net."""
        line = self._lines.get()
        try:
            return line.call(self._key, batch)
        finally:
            self._lines.put(line)


class _Line:
    """A way to the other process, for one call at a time."""

    def __init__(self, size: int, give: Open) -> None:
        descriptor = os.memfd_create("line", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        ours, theirs = socket.socketpair()
        try:
            os.ftruncate(descriptor, size)
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _FIXED)
            self._memory = mmap.mmap(descriptor, size)
            give((theirs.fileno(), descriptor))
        finally:
            os.close(descriptor)
            theirs.close()
        self._channel = Channel(ours)

    def call(self, key: str, batch: Pixels) -> tuple[NDArray[Any], ...]:
        """Run a batch. Raise the net's error; DeviceLostError where the process has gone."""
        if batch.nbytes > len(self._memory):
            raise EngineError(f"a batch of shape {batch.shape} does not fit into the memory of a line")
        np.frombuffer(self._memory, np.uint8, batch.size).reshape(batch.shape)[...] = batch
        try:
            self._channel.send({"net": key, "shape": batch.shape})
            answer, _ = self._channel.receive()
        except ChannelClosedError as error:
            raise DeviceLostError(f"the process that has the engine has gone: {error}") from error
        if "error" in answer:
            raise error_of(answer["error"], answer["message"])
        return tuple(self._read(*told) for told in answer["answers"])

    def close(self) -> None:
        self._channel.close()

    def _read(self, kind: str, shape: list[int], offset: int) -> NDArray[Any]:
        answer: NDArray[Any] = np.empty(shape, kind)
        answer[...] = np.frombuffer(self._memory, kind, math.prod(shape), offset).reshape(shape)
        return answer


def _shape(told: list[int]) -> Shape:
    count, height, width, channels = told
    return count, height, width, channels
