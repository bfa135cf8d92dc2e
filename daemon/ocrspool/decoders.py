"""The pool of decoders: each has one file at a time, and whoever needs one waits until one is free."""

from __future__ import annotations

import logging
import os
import queue
from collections.abc import Iterator
from contextlib import contextmanager

from ocrspool.config import Config, Live
from ocrspool.decoder import Decoder

_log = logging.getLogger(__name__)


class Decoders:
    """A fixed number of decoders, shared by the threads that need one."""

    def __init__(self, count: int, live: Live) -> None:
        self._free: queue.SimpleQueue[Decoder] = queue.SimpleQueue()
        self._all = [Decoder(live) for _ in range(count)]
        for decoder in self._all:
            self._free.put(decoder)

    def start(self) -> None:
        """Start the processes now rather than with the first files."""
        for decoder in self._all:
            decoder.start()
        for lack in self._all[0].lacking:
            _log.warning("decoders are confined less than they could be: %s", lack)

    @contextmanager
    def take(self) -> Iterator[Decoder]:
        """Wait for a free decoder and have it for a while."""
        decoder = self._free.get()
        try:
            yield decoder
        finally:
            decoder.finish()
            self._free.put(decoder)

    def close(self) -> None:
        """End all decoders, whatever they are doing: the threads that use them get DecoderDiedError."""
        for decoder in self._all:
            decoder.close()


def decoder_count(config: Config) -> int:
    """Return how many decoder processes to keep: as configured, or one for every two processors."""
    return config.service.decoders or max(1, len(os.sched_getaffinity(0)) // 2)
