"""Whether a file that was seen may be taken now: still the same, a regular file, whole, and let go of by its writer."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import stat
from pathlib import Path

from ocrspool.inbox import Sighting


def open_parent(root: Path, name: str) -> int:
    """Open the folder that holds `name`, following no link on the way: a folder may have been swapped for one."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in name.split("/")[:-1]:
        try:
            below = os.open(part, flags, dir_fd=at)
        finally:
            os.close(at)
        at = below
    return at


def let_go(folder: int, last: str, seen: Sighting) -> bool:
    """Tell whether the file may be claimed now, as far as it can be looked at."""
    try:
        if not stat.S_ISREG(os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode):
            return False
        descriptor = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except PermissionError:
        return True  # to be claimed, and to fail with that reason
    except OSError:
        return False
    try:
        return claimable(descriptor, seen)
    finally:
        os.close(descriptor)


def claimable(descriptor: int, seen: Sighting) -> bool:
    """Tell whether the open file is still the one that was seen, whole and let go of by its writer.

    A read lease is granted only while nobody has the file open for writing (fcntl(2), F_SETLEASE). The kernel
    grants it on local filesystems to the file's owner or with CAP_LEASE; elsewhere the settle time has to do.
    Whoever opens it for writing while we hold the lease makes the kernel send us a signal: SIGIO, which kills,
    unless another is asked for; SIGURG is ignored by default.
    """
    found = os.fstat(descriptor)
    same = (found.st_size, found.st_mtime_ns, found.st_ino) == (seen.size, seen.mtime_ns, seen.inode)
    if not (same and stat.S_ISREG(found.st_mode)):
        return False
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return False
    except OSError:  # no leases here, or not for us
        return True
    with contextlib.suppress(OSError):
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return True
