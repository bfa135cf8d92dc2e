"""(no benchmark.) The conversation between scripts/bench peers and a program that reads, in an interpreter of its own.

    ← {"loaded": true}                     once it can read
    → ["a.jpg", "b.png"]                   ← {"seconds": 1.2, "cpu_seconds": 2.3, "peak_megabytes": 45.6,
                                              "texts": ["...", "..."]}

One line of JSON each. It ends when its input does. Imports the standard library only: the interpreter is a peer's.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

ReadAll = Callable[[list[str]], Iterable[str]]
"""Files to their texts, in order."""


def one_by_one(read: Callable[[str], str]) -> ReadAll:
    """Return how a library is used that reads one image at a time."""
    return lambda files: [read(file) for file in files]


def side_by_side(read: Callable[[str], str]) -> ReadAll:
    """Return how a command is used that reads one file: as many at a time as there are cores."""
    threads = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
    return lambda files: threads.map(read, files)


def converse(load: Callable[[], ReadAll]) -> None:
    """Load, then answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    read_all = load()
    print(json.dumps({"loaded": True}), file=answers, flush=True)
    for line in sys.stdin:
        files = json.loads(line)
        began, cpu = time.perf_counter(), _cpu_seconds()
        texts = list(read_all(files))
        answer = {
            "seconds": time.perf_counter() - began,
            "cpu_seconds": _cpu_seconds() - cpu,
            "peak_megabytes": _peak_megabytes(),
            "texts": texts,
        }
        print(json.dumps(answer), file=answers, flush=True)


def _cpu_seconds() -> float:
    """Return the processor time of this process and of the children that have ended."""
    return sum(os.times()[:4])


def _peak_megabytes() -> float:
    """Return the most memory held so far: of this process, and of as many of its children as run side by side."""
    own, child = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (own + child * len(os.sched_getaffinity(0))) / 1024
