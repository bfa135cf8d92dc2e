"""Which disks answer, for commands: one that does not answer would hold the command, and no signal would end it.

Processes of their own ask the disks, and nobody waits for one that gets no answer: it ends when its disk lets it. A
thread that gets no answer would keep this process from ending.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

_SECONDS = 5.0
_PAUSE = 0.002
_MOST_DESCRIPTORS = 1024


def silent(places: Mapping[str, Collection[Path]], seconds: float = _SECONDS) -> set[str]:
    """Return the names whose folders have not answered in time. A folder that is missing, or closed, has answered.

    For a process of one thread, because it is copied.
    """
    asking = {name: _ask(folders) for name, folders in places.items()}
    deadline = time.monotonic() + seconds
    while True:
        asking = {name: pid for name, pid in asking.items() if not _has_ended(pid)}
        if not asking or time.monotonic() >= deadline:
            break
        time.sleep(_PAUSE)  # there is no call that waits for several processes for so long
    for pid in asking.values():
        os.kill(pid, signal.SIGKILL)
        _has_ended(pid)
    return set(asking)


def _ask(folders: Iterable[Path]) -> int:
    """Return the number of a process that ends when all folders have answered."""
    pid = os.fork()
    if pid == 0:
        try:
            os.closerange(0, _MOST_DESCRIPTORS)  # whoever reads what the command prints would wait for this one too
            for folder in folders:
                with contextlib.suppress(OSError), os.scandir(folder) as entries:
                    next(entries, None)
        finally:
            os._exit(0)
    return pid


def _has_ended(pid: int) -> bool:
    return os.waitpid(pid, os.WNOHANG)[0] != 0
