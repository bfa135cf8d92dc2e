"""Opens the file of a job for a decoder: a regular file within the size limit, never a link or a device."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

from ocrspool.decoding.api import SourceReadError
from ocrspool.errors import DocumentError
from ocrspool.files.open_path import open_file, open_folder

_OF_THE_FILE = {errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.ENODEV, errno.EPERM}
"""Errors of open(2) where the file is gone, or a link, a socket or a device is in its place."""
_PIECE = 1 << 20


def open_source(path: Path, most_mb: int) -> int:
    """Return a descriptor to read from, which the caller closes. Raise DocumentError or OSError."""
    try:
        descriptor = open_file(os.fspath(path), os.O_RDONLY | os.O_NONBLOCK)
    except PermissionError as error:
        raise DocumentError(
            "permission",
            "the service may not read the file",
            "make it readable for the service's group, as its sender did not (chmod g+r), then run `ocrspool retry`",
            stage="open",
        ) from error
    except OSError as error:
        if error.errno not in _OF_THE_FILE:  # no descriptors, a disk that fails: waiting may help
            raise
        if error.errno == errno.ENOENT:
            os.close(open_folder(os.fspath(path.parent)))  # raises where the folder has gone too: the disk is away
        raise DocumentError("unreadable", f"the file cannot be opened: {error.strerror}", stage="open") from error
    found = os.fstat(descriptor)
    problem = None
    if not stat.S_ISREG(found.st_mode):
        problem = DocumentError("not-a-file", "this is no regular file", "links and devices are not read", stage="open")
    elif found.st_size > most_mb << 20:
        problem = DocumentError(
            "too-large",
            f"the file has {found.st_size / 2**20:.0f} MiB, more than {most_mb}",
            "split it, or raise limits.file_mb",
            stage="open",
        )
    elif found.st_size == 0 and found.st_mtime < time.time() - time.clock_gettime(time.CLOCK_BOOTTIME):
        problem = DocumentError(
            "empty",
            "The file is empty (0 bytes), and was written before this machine was last started: a power cut may have "
            "taken what its sender had not synced.",
            "Send it again.",
            stage="open",
        )
    if problem:
        os.close(descriptor)
        raise problem
    return descriptor


OpenSource = Callable[[Path, int], int]
"""Opens a file that has at most so many megabytes, as `open_source` does."""


def check_readable(path: Path, most_mb: int, opened: OpenSource = open_source) -> None:
    """Read a file to its end, before anything bad is said of it. Raise SourceReadError where its disk fails at that.

    A library may take such an error for a damaged file, and a mapped file whose disk fails kills who reads it. Where
    the file cannot be opened either, raise as `open_source` does.
    """
    descriptor = opened(path, most_mb)
    try:
        at = 0
        while piece := os.pread(descriptor, _PIECE, at):
            at += len(piece)
    except OSError as error:
        raise SourceReadError(error.errno, f"the file cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)
