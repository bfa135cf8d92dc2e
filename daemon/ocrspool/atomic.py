"""Files that appear whole or not at all: the only home of rename, link and fsync.

Given one filesystem, a rename is atomic for everyone who looks (rename(2)); what is renamed into an outbox has
been written and synced before, and the folder's entry is synced after, so neither a reader nor a power cut
ever sees half a file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ocrspool import names

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS, errno.EXDEV}
_NO_NAMELESS = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL}


def write(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Put `data` at `path` whole, in place of what was there, by way of a temporary name beside it.

    `durable` waits for the disk. Raise OSError with nothing left behind; `path` keeps what it had.
    """
    with writing(path, durable=durable) as file:
        file.write(data)


@contextlib.contextmanager
def writing(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a file to write to, piece by piece; at the end it is at `path`, whole, and on disk if it is to be `durable`.

    Where the writing ends in an exception nothing is left behind, and `path` keeps what it had.
    """
    temporary = path.with_name(names.with_suffix(path.name, ".new"))
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def publish(source: Path, target: Path, private: Path, mode: int | None = None) -> None:
    """Make the synced file `source` appear at `target` too, whole, replacing what is there; `source` stays.

    On one filesystem a hard link costs nothing; where there are none, a copy is made beside the source. On another one
    the copy has no name until it is whole; where that cannot be, or something is at `target`, it has one in `private`,
    a folder on the target's filesystem that nobody else enters. The caller syncs the target's folder.
    """
    second = source.with_name(source.name + ".out")
    second.unlink(missing_ok=True)
    if mode is not None:
        source.chmod(mode)
    try:
        os.link(source, second, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _copy(source, second, mode)
    try:
        second.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _publish_elsewhere(source, target, private / f"{source.parent.name}-{source.name}", mode)
    finally:
        # rename(2) does nothing, successfully, where both names are links to one file: a repeat after a crash.
        second.unlink(missing_ok=True)


def clear(private: Path) -> None:
    """Remove what a crash has left in such a folder: copies of what is still where they were made from."""
    for half in private.glob("*"):
        with contextlib.suppress(OSError):
            half.unlink()


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
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:  # some network filesystems sync no folders
            raise
    finally:
        os.close(descriptor)


def _publish_elsewhere(source: Path, target: Path, half: Path, mode: int | None) -> None:
    """Copy to another filesystem, by way of the name `half` if need be."""
    try:
        if _link_copy(source, target, half, mode):
            return
        if not half.exists():
            half.parent.mkdir(mode=0o700, exist_ok=True)
            _copy(source, half, mode)
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)


def _link_copy(source: Path, target: Path, half: Path, mode: int | None) -> bool:
    """Copy into a file without a name (O_TMPFILE, open(2)), then link it to `target`; tell whether it is there.

    Where `target` is taken, `half` is linked; neither is where the filesystem has no such files.
    """
    try:
        descriptor = os.open(target.parent, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno not in _NO_NAMELESS:
            raise
        return False
    with os.fdopen(descriptor, "wb") as file:
        _fill(file, source, mode)
        try:
            _link(descriptor, target)
        except FileExistsError:
            half.parent.mkdir(mode=0o700, exist_ok=True)
            half.unlink(missing_ok=True)
            _link(descriptor, half)
            return False
    return True


def _link(descriptor: int, path: Path) -> None:
    """Give an open file a name, as linkat(2) describes it for those that are not root."""
    proc = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.link(str(descriptor), path, src_dir_fd=proc, follow_symlinks=True)
    finally:
        os.close(proc)


def _copy(source: Path, target: Path, mode: int | None) -> None:
    target.unlink(missing_ok=True)
    try:
        with target.open("xb") as file:
            _fill(file, source, mode)
    except OSError:
        target.unlink(missing_ok=True)
        raise


def _fill(file: BinaryIO, source: Path, mode: int | None) -> None:
    """Write the content of `source`, and wait for the disk. Without a mode, the umask has decided."""
    if mode is not None:
        os.fchmod(file.fileno(), mode)
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as original:
        shutil.copyfileobj(original, file)
    file.flush()
    os.fsync(file.fileno())
