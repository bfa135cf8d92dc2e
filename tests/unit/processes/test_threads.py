"""Threads of jobs last, because what they start ends with them."""

from __future__ import annotations

import os
import queue
import threading
from pathlib import Path

from ocrspool.processes.child import Child
from ocrspool.processes.environment import of_workers
from ocrspool.processes.threads import Threads
from support.waiting import wait_until


def test_a_thread_is_used_again() -> None:
    """One that is busy is not waited for; one that is idle has the next task."""
    threads, seen = Threads("job"), queue.SimpleQueue[int]()
    end = threading.Event()

    def hold() -> None:
        seen.put(threading.get_ident())
        end.wait(60)

    threads.run(hold)
    first = seen.get(timeout=60)
    threads.run(lambda: seen.put(threading.get_ident()))
    second = seen.get(timeout=60)
    assert second != first
    end.set()
    wait_until(lambda: len(threads._idle) == 2)
    threads.run(lambda: seen.put(threading.get_ident()))
    assert seen.get(timeout=60) in {first, second}


def test_what_a_job_starts_outlives_it(tmp_path: Path) -> None:
    """A decoder that one job has started serves the next ones: the kernel kills it with the thread that started it."""
    threads, made = Threads("job"), queue.SimpleQueue[Child]()
    threads.run(lambda: made.put(Child("ocrspool.decoding.child", of_workers(os.environ, tmp_path))))
    child = made.get(timeout=60)
    try:
        wait_until(lambda: threads._idle)
        limits = {"op": "limits", "memory_mb": 1024, "cpu_seconds": 60, "pdf": False}
        answer, _ = child.ask(limits, seconds=60)
        assert "missing" in answer
        assert child.alive()
    finally:
        child.close()
