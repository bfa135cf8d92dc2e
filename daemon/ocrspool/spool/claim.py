"""Whether a file may be taken now: it is still the same, a regular file, whole, and its writer has closed it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import stat

from ocrspool.files.folder import Folder
from ocrspool.spool.snapshot import FileSnapshot


def is_released(folder: Folder, last: str, seen: FileSnapshot) -> bool:
    """Tell whether the file may be claimed now, as far as this user can see."""
    try:
        found = folder.stat(last)
        if found is None or not _is_same(found, seen):
            return False
        if os.geteuid() not in {0, found.st_uid}:  # no lease for us: opening it would only raise more events
            return True
        descriptor = folder.open(last)
    except PermissionError:
        return True  # it is claimed, and then it fails with that reason
    except OSError:
        return False
    try:
        return claimable(descriptor, seen)
    finally:
        os.close(descriptor)


def claimable(descriptor: int, seen: FileSnapshot) -> bool:
    """Tell whether the open file is still the one that was seen, and nobody has it open for writing.

    A read lease is granted only while nobody has the file open for writing (fcntl(2), F_SETLEASE). The kernel
    grants it on local filesystems to the file's owner or with CAP_LEASE; elsewhere the settle time has to do.
    Whoever opens it for writing while we hold the lease makes the kernel send us a signal: SIGIO, which kills,
    unless another is asked for; SIGURG is ignored by default.
    """
    if not _is_same(os.fstat(descriptor), seen):
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


def _is_same(found: os.stat_result, seen: FileSnapshot) -> bool:
    same = (found.st_size, found.st_mtime_ns, found.st_ino) == (seen.size, seen.mtime_ns, seen.inode)
    return same and stat.S_ISREG(found.st_mode)
