"""Lets other processes call the nets of this one; `__init__.py` has the messages."""

from __future__ import annotations

import logging
import math
import mmap
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from ocrspool.engine.remote_nets.errors import kind_of
from ocrspool.errors import EngineError
from ocrspool.processes.channel import Channel, ChannelClosedError, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ocrspool.engine.spec import Net

_log = logging.getLogger(__name__)

_ALIGNED = 64
"""Bytes. Answers begin at multiples of it."""
_TO_SPARE = 4096
"""Bytes of a line's memory beside the largest batch, for the ends of answers."""
_BYTES_OF_AN_ANSWER = 4
"""For each pixel at most: the map of text has a float32 for each."""


class NetServer:
    """The nets of an engine, by their keys."""

    def __init__(self, nets: Mapping[str, Net]) -> None:
        self._nets = nets

    def description(self) -> Message:
        """Return what a caller has to know: the facts of each net, and the bytes of memory that a line needs."""
        nets = {
            key: {"parallel": net.parallel, "batch": net.batch, "profile": _profile(net)}
            for key, net in self._nets.items()
        }
        return {"nets": nets, "bytes": max(map(_bytes, self._nets.values())) + _TO_SPARE}

    def serve(self, channel: Channel, descriptor: int) -> None:
        """Answer the calls of one line, in a thread of its own, until the caller goes away. Closes nothing."""
        memory = mmap.mmap(descriptor, 0)
        threading.Thread(target=self._answer, args=(channel, memory), name="line", daemon=True).start()

    def _answer(self, channel: Channel, memory: mmap.mmap) -> None:
        try:
            while True:
                request, _ = channel.receive()
                channel.send(self._reply(request, memory))
        except ChannelClosedError:
            channel.close()

    def _reply(self, request: Message, memory: mmap.mmap) -> Message:
        try:
            shape = tuple(request["shape"])
            batch = np.frombuffer(memory, np.uint8, math.prod(shape)).reshape(shape)
            batch.flags.writeable = False
            return {"answers": _written(self._nets[request["net"]](batch), memory)}
        except Exception as error:  # noqa: BLE001 - libraries of engines raise anything, and the caller has to know
            if not isinstance(error, EngineError):
                _log.error("a net failed", exc_info=error)
            return {"error": kind_of(error), "message": getattr(error, "message", repr(error))}


def _written(answers: tuple[NDArray[Any], ...], memory: mmap.mmap) -> list[list[Any]]:
    """Write the answers over the pixels, which nobody needs any more; return what they are and where."""
    told: list[list[Any]] = []
    offset = 0
    for answer in answers:
        if offset + answer.nbytes > len(memory):
            raise EngineError(f"an answer of {answer.nbytes} bytes does not fit into the memory of a line")
        np.frombuffer(memory, answer.dtype, answer.size, offset).reshape(answer.shape)[...] = answer
        told.append([answer.dtype.name, answer.shape, offset])
        offset += -(-answer.nbytes // _ALIGNED) * _ALIGNED
    return told


def _profile(net: Net) -> list[tuple[int, ...]]:
    profile = net.profile
    return [profile.minimum, profile.optimum, profile.maximum]


def _bytes(net: Net) -> int:
    count, height, width, _ = net.profile.maximum
    return max(count, net.batch) * height * width * _BYTES_OF_AN_ANSWER
