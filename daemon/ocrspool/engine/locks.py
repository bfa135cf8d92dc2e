"""Locks between processes on files that may be removed: held as long as a descriptor is open, gone with its process.

Whoever removes a file that serves as a lock holds that lock meanwhile, so a process may wait for a file that is no
longer there, and hold what nobody else will ever ask for. Each lock taken here is therefore compared with the path.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NEW_LOCK = os.O_RDWR | os.O_CREAT
"""Flags that make the lock's file where there is none."""


def take(path: Path, *, shared: bool = False, wait: bool = True, flags: int = os.O_RDONLY) -> int | None:
    """Lock a file or folder. Return the descriptor that holds the lock, None where `wait` is off and another has it.

    Raise FileNotFoundError where the file is not there, or is removed while the lock is waited for; with NEW_LOCK it
    is made (again).
    """
    how = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    while True:
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, how)
            if _is_at(descriptor, path):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


@contextmanager
def held(path: Path, *, shared: bool = False, wait: bool = False, flags: int = os.O_RDONLY) -> Iterator[bool]:
    """Hold a lock for a while; of a file that is not there none is needed. Give whether it is held."""
    try:
        descriptor = take(path, shared=shared, wait=wait, flags=flags)
    except FileNotFoundError:
        yield True
        return
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def is_held(path: Path, *, by_anyone: bool = False) -> bool:
    """Tell whether another process has the lock: alone, or `by_anyone` at all. A lock that cannot be read is not held.

    It is taken for a moment to find out; whoever may not wait sees that as held.
    """
    try:
        descriptor = take(path, shared=not by_anyone, wait=False)
    except OSError:
        return False
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def _is_at(descriptor: int, path: Path) -> bool:
    """Tell whether the open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
