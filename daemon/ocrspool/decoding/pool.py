"""The pool of decoder processes. Each has one file at a time, and whoever needs one waits until one is free."""

from __future__ import annotations

import errno
import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config
from ocrspool.decoding.client import DecoderClient
from ocrspool.decoding.source_file import OpenSource, open_source
from ocrspool.processes.starting import Start, directly

_log = logging.getLogger(__name__)


class DecoderProcessPool:
    """A DecoderPool (api.py) of a fixed number of processes."""

    def __init__(
        self, count: int, live: CurrentConfig, start: Start = directly, opened: OpenSource = open_source
    ) -> None:
        """`start` starts the processes, `opened` opens their files."""
        self._make = partial(DecoderClient, live, start, opened)
        self._free: queue.SimpleQueue[DecoderClient] = queue.SimpleQueue()
        self._all = [self._make() for _ in range(count)]
        self._lent: dict[DecoderClient, str] = {}
        """The decoders in use, each with the inbox of the job that has it."""
        self._replaced: set[DecoderClient] = set()
        """The decoders in use that another one has replaced already. They end when they come back."""
        self._changing = threading.Lock()
        for decoder in self._all:
            self._free.put(decoder)

    def start(self) -> None:
        """Start the processes now rather than with the first files."""
        for decoder in self._all:
            decoder.start()
        for lack in self._all[0].lacking:
            _log.warning("decoders are confined less than they could be: %s", lack)

    @contextmanager
    def take(self, inbox: str = "", hangs: Callable[[], bool] = lambda: False) -> Iterator[DecoderClient]:
        """Wait for a free decoder and have it for a while, for a file of this inbox.

        Raise OSError where the disk of that inbox does not answer: a decoder would not come back soon.
        """
        decoder = self._free.get()
        if hangs():
            self._free.put(decoder)
            raise OSError(errno.ETIMEDOUT, "the disk does not answer")
        with self._changing:
            self._lent[decoder] = inbox
        try:
            yield decoder
        finally:
            decoder.finish()
            self._take_back(decoder)

    def replace_those_of(self, inbox: str) -> None:
        """Let others serve in place of those that this inbox has: its disk does not answer, so they may not return."""
        with self._changing:
            missing = [decoder for decoder, of in self._lent.items() if of == inbox and decoder not in self._replaced]
            for decoder in missing:
                self._replaced.add(decoder)
                self._all.append(substitute := self._make())
                self._free.put(substitute)

    def _take_back(self, decoder: DecoderClient) -> None:
        with self._changing:
            del self._lent[decoder]
            surplus = decoder in self._replaced
            if surplus:
                self._replaced.remove(decoder)
                self._all.remove(decoder)
        if surplus:
            decoder.close()
        else:
            self._free.put(decoder)

    def close(self) -> None:
        """End all decoders, whatever they are doing: the threads that use them get DecoderDiedError."""
        for decoder in list(self._all):
            decoder.close()


def decoder_count(config: Config) -> int:
    """Return how many decoder processes to keep: as configured, or one for every two processors."""
    return config.service.decoders or max(1, len(os.sched_getaffinity(0)) // 2)
