"""Files that appear whole or not at all: the only home of rename, link and fsync.

Given one filesystem, a rename is atomic for everyone who looks (rename(2)); what is renamed into an outbox has
been written and synced before, and the folder's entry is synced after, so neither a reader nor a power cut
ever sees half a file.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from ocrspool import names

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS, errno.EXDEV}


def write(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Put `data` at `path` whole, in place of what was there, by way of a temporary name beside it.

    `durable` waits for the disk. Raise OSError with nothing left behind; `path` keeps what it had.
    """
    temporary = path.with_name(names.with_suffix(path.name, ".new"))
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def publish(source: Path, target: Path) -> None:
    """Make the synced file `source` appear at `target` too, whole, replacing what is there; `source` stays.

    Both must lie on one filesystem. A hard link costs nothing; where the filesystem has none, a copy is made.
    The caller syncs the target's folder.
    """
    second = source.with_name(source.name + ".out")
    second.unlink(missing_ok=True)
    try:
        os.link(source, second, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _copy(source, second)
    try:
        second.replace(target)
    finally:
        # rename(2) does nothing, successfully, where both names are links to one file: a repeat after a crash.
        second.unlink(missing_ok=True)


def move(source: Path, target: Path) -> None:
    """Rename within one filesystem and sync the folder that gains the entry."""
    source.rename(target)
    sync_folder(target.parent)


def move_new(source: Path, target: Path) -> None:
    """Rename, but never over another file. Raise FileExistsError.

    Where a crash came between its two steps, both names are one file: a repeat removes the first.
    """
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        if not is_same(source, target):
            raise
        source.unlink()
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(target)) from error
        source.rename(target)
    else:
        source.unlink()
    sync_folder(target.parent)


def is_same(one: Path, other: Path) -> bool:
    """Tell whether both names are there and are links to one file."""
    try:
        return os.path.samestat(one.lstat(), other.lstat())
    except OSError:
        return False


def sync_folder(folder: Path) -> None:
    """Wait until the folder's entries are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target, follow_symlinks=False)
        with target.open("rb") as file:
            os.fsync(file.fileno())
    except OSError:
        target.unlink(missing_ok=True)
        raise
