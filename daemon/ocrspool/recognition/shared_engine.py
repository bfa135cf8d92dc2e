"""An engine that several workers of one device share, as the service sees it: a process, and who may connect to it."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ocrspool.config.schema import Config
from ocrspool.errors import EngineError
from ocrspool.processes.child import Child, ChildDiedError
from ocrspool.processes.environment import of_workers
from ocrspool.processes.starting import Start, directly
from ocrspool.recognition.protocol import about_engine

_log = logging.getLogger(__name__)


class SharedEngine:
    """Starts the process when a worker needs it. Safe to use from several threads.

    The process is replaced when the next worker connects: after it has ended, after `end`, and when it has grown.
    """

    def __init__(self, device: str, config: Callable[[], Config], start: Start = directly) -> None:
        self._device = device
        self._config = config
        self._start = start
        self._lock = threading.Lock()
        self._process: Child | None = None
        self._number = 0
        """Of the process, counted from 1."""

    def pids(self) -> tuple[int, ...]:
        """Return the id of the process, if there is one."""
        process = self._process
        return () if process is None else (process.pid,)

    @contextmanager
    def connection(self) -> Iterator[tuple[int, int]]:
        """Give the descriptor of a socket to the process, for a worker, and the number of the process.

        The socket is closed in the end. Raise EngineError where no process can be started.
        """
        ours, theirs = socket.socketpair()
        with ours, theirs:
            with self._lock:
                try:
                    self._running().tell({"op": "worker"}, (theirs.fileno(),))
                except (ChildDiedError, OSError) as error:
                    raise EngineError(f"the process with the engine cannot be used: {error}") from error
                number = self._number
            yield ours.fileno(), number

    def runs(self, number: int) -> bool:
        """Tell whether the process of this number is still there."""
        with self._lock:
            return self._process is not None and number == self._number and self._process.alive()

    def end(self, number: int) -> None:
        """End the process of this number, if it still is the one that is used."""
        with self._lock:
            if self._process is not None and number == self._number:
                self._process.kill()
                self._process = None

    def close(self) -> None:
        """End the process. Nobody uses it any more."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process = None

    def _running(self) -> Child:
        """Return the process, and start one where there is none, or where it has grown. The caller holds the lock."""
        config = self._config()
        if self._process is not None and self._process.resident_bytes() > config.service.worker_memory_mb << 20:
            _log.info("the engine of %s is loaded anew, because its process has grown", self._device)
            self._process.kill()
            self._process = None
        if self._process is not None and not self._process.alive():
            self._process.close()
            self._process = None
        if self._process is None:
            environment = of_workers(os.environ, config.paths.cache, keeps_memory=True)
            self._process = Child("ocrspool.recognition.child.shared_engine", environment, start=self._start)
            self._number += 1
            self._process.tell(about_engine("load", config, self._device))
        return self._process
