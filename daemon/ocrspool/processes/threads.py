"""Threads that are used again and never end, because a process that a thread has started may end with the thread.

The kernel kills a decoder when the thread that started it ends (PR_SET_PDEATHSIG, prctl(2); see lifetime.py). So the
threads of jobs, which start decoders, have to last. All are daemon threads: one that a dead disk holds does not keep
the process from ending.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable


class Threads:
    """As many as were ever needed at one time. Safe to use from several threads."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._idle: list[queue.SimpleQueue[Callable[[], None]]] = []
        self._lock = threading.Lock()

    def run(self, task: Callable[[], None]) -> None:
        """Run a task, which raises nothing, on a thread. Raise RuntimeError where there is none."""
        with self._lock:
            inbox = self._idle.pop() if self._idle else None
        if inbox is not None:
            inbox.put(task)
            return
        inbox = queue.SimpleQueue()
        inbox.put(task)
        threading.Thread(target=self._work, args=(inbox,), name=self._name, daemon=True).start()

    def _work(self, inbox: queue.SimpleQueue[Callable[[], None]]) -> None:
        while True:
            inbox.get()()
            with self._lock:
                self._idle.append(inbox)
