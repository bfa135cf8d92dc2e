"""The lock of a spool: a file in work/. The process that moves files there holds it locked (flock(2))."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ocrspool.errors import SpoolBusyError
from ocrspool.files import file_lock
from ocrspool.files.folder import Folder

LOCK = ".lock"
_WAIT_SECONDS = 0.2
"""`is_held` of another process has the lock for an instant."""


class SpoolLock:
    """Held by one process at a time."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take it. Raise SpoolBusyError when another process has it."""
        with Folder.at(self._work) as work:
            self._descriptor = work.lock_file(LOCK)
        if file_lock.lock_open(self._descriptor, seconds=_WAIT_SECONDS):
            return
        self.release()
        raise SpoolBusyError(
            f"another ocrspool is working on {self._work}",
            "stop it first, or give this one a root of its own",
        )

    def is_held(self) -> bool:
        """Tell whether any process has it, this one too. Raise PermissionError."""
        with contextlib.suppress(FileNotFoundError), Folder.at(self._work) as work:
            descriptor = work.open(LOCK)
            try:
                return not file_lock.lock_open(descriptor, shared=True)
            finally:
                os.close(descriptor)
        return False

    def touch(self) -> None:
        """Change the time of the lock file. On a disk that does not answer this does not return. Raise OSError."""
        if self._descriptor is not None:
            os.utime(self._descriptor)

    def release(self) -> None:
        """Release it, if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
