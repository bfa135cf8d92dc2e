"""Locks between processes on files that may be removed. A lock ends with its descriptor or its process.

A process that removes a lock file holds that lock meanwhile. So another process may wait for a file that no longer
exists, and then hold a lock that nobody else will ever ask for. Therefore each lock taken here is compared with the
path.

Everybody who can read a file can lock it. So each wait has a deadline, and names the process that holds the lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ocrspool.errors import EngineError

NEW_LOCK = os.O_RDWR | os.O_CREAT
"""Flags that make the lock's file where there is none."""

SHORT_SECONDS = 60.0
"""For a lock that others hold only while they read or remove a file."""
BUILD_SECONDS = 3 * 3600.0
"""For a lock that others hold while they build an engine or fetch models: half an hour and more for TensorRT."""

_POLL_SECONDS = 0.05
_TELL_SECONDS = 60.0


class LockedError(EngineError):
    """Another process has a lock for longer than it was waited for."""


def take(
    path: Path,
    *,
    shared: bool = False,
    seconds: float = 0.0,
    flags: int = os.O_RDONLY,
    on_wait: Callable[[str], None] = lambda _: None,
) -> int:
    """Lock a file or folder, and return the descriptor that holds the lock.

    Raise LockedError where another process has it for so many seconds; FileNotFoundError where the file is not there,
    or is removed while the lock is waited for: with NEW_LOCK it is made (again). `on_wait` is told who has it, at first
    and each minute. The lock is asked for again and again, because flock(2) knows no deadline.
    """
    deadline = time.monotonic() + seconds
    tell_at = 0.0
    while True:
        with contextlib.ExitStack() as opened:
            descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
            opened.callback(os.close, descriptor)
            if not lock_open(descriptor, shared=shared):
                now = time.monotonic()
                said = f"{path} is locked by {_holder(descriptor)}"
                if now >= deadline:
                    raise LockedError(said, "wait until that process has finished, or end it")
                if now >= tell_at:
                    tell_at = now + _TELL_SECONDS
                    on_wait(f"waiting: {said}")
                time.sleep(_POLL_SECONDS)
                continue
            if _is_at(descriptor, path):
                opened.pop_all()
                return descriptor


def lock_open(descriptor: int, *, shared: bool = False, seconds: float = 0.0) -> bool:
    """Lock an open file or folder. Tell whether that was possible within so many seconds. Closing it ends the lock."""
    how = fcntl.LOCK_NB | (fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, how)
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(min(_POLL_SECONDS, seconds))


@contextmanager
def held(path: Path, *, shared: bool = False, seconds: float = 0.0, flags: int = os.O_RDONLY) -> Iterator[bool]:
    """Hold a lock for a while; of a file that is not there none is needed. Give whether it is held."""
    try:
        descriptor = take(path, shared=shared, seconds=seconds, flags=flags)
    except FileNotFoundError:
        yield True
        return
    except LockedError:
        yield False
        return
    try:
        yield True
    finally:
        os.close(descriptor)


def is_held(path: Path, *, by_anyone: bool = False) -> bool:
    """Tell whether another process has the lock: alone, or `by_anyone` at all. A lock that cannot be read is not held.

    It is taken for a moment to find out; whoever may not wait sees that as held.
    """
    try:
        os.close(take(path, shared=not by_anyone))
    except LockedError:
        return True
    except OSError:
        return False
    return False


def _is_at(descriptor: int, path: Path) -> bool:
    """Tell whether the open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _holder(descriptor: int) -> str:
    """Return which process has a lock on the open file, in words, as far as the kernel tells us (proc_locks(5))."""
    found = os.fstat(descriptor)
    file = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/locks").read_text("ascii").splitlines():
            fields = line.split()  # 1: FLOCK ADVISORY WRITE 4711 fe:00:1234 0 EOF; who waits has "->" in second place
            if "->" not in fields and fields[1] == "FLOCK" and fields[5] == file:
                return _named(int(fields[4]))
    return "another process"


def _named(pid: int) -> str:
    with contextlib.suppress(OSError):
        return f"process {pid} ({Path(f'/proc/{pid}/comm').read_text('utf-8', 'replace').strip()})"
    return f"process {pid}"
