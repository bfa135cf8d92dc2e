"""The jobs in work: each has a thread of its own, that follows it through the other processes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ocrspool.config import Config
from ocrspool.decoders import decoder_count
from ocrspool.wake import Wake


class InWork:
    """So many jobs at once; the end of each wakes the main loop."""

    def __init__(self, most: int, wake: Wake) -> None:
        self._most = most
        self._wake = wake
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="job")
        self._inboxes: list[str] = []
        """The inbox of each job."""
        self._changed = threading.Lock()

    def __len__(self) -> int:
        return len(self._inboxes)

    def full(self) -> bool:
        """Tell whether another job would have to wait for a thread."""
        return len(self) >= self._most

    def inboxes(self) -> frozenset[str]:
        """Return the names of the inboxes that have jobs in work."""
        with self._changed:
            return frozenset(self._inboxes)

    def begin(self, inbox: str, follow: Callable[[], None]) -> None:
        """Follow a job of this inbox to its end."""
        with self._changed:
            self._inboxes.append(inbox)
        self._threads.submit(self._run, inbox, follow)

    def close(self) -> None:
        """Wait until the threads have ended; whatever they wait for has to be closed before."""
        self._threads.shutdown(wait=True)

    def _run(self, inbox: str, follow: Callable[[], None]) -> None:
        try:
            follow()
        finally:
            with self._changed:
                self._inboxes.remove(inbox)
            self._wake.set()


def job_count(config: Config) -> int:
    """Return how many files may be in work: enough to fill the next batch while one is recognized."""
    service = config.service
    return decoder_count(config) + 2 * service.batch_pages * service.workers * len(config.engine.devices)
