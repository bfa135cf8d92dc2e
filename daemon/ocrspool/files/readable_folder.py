"""An open folder, as far as it is looked at: everything below it is reached by its descriptor.

So no path is looked up twice. Names are single parts, unless a function says otherwise. No link is followed, neither at
the last part nor on the way. An OSError names the whole path, for people.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from ocrspool.files.open_path import naming, open_folder

AnyFolder = TypeVar("AnyFolder", bound="ReadableFolder")

_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PIECE_BYTES = 1 << 16


class ReadableFolder:
    """An open folder. Close it, or use it in a `with`."""

    __slots__ = ("_where", "descriptor")

    def __init__(self, descriptor: int, where: str) -> None:
        self.descriptor = descriptor
        self._where = where

    @property
    def where(self) -> str:
        """The same as `path`, as text."""
        return self._where

    @property
    def path(self) -> Path:
        """Where it was when it was opened: for messages, and to tell people where something lies."""
        return Path(self._where)

    @classmethod
    def at(cls: type[AnyFolder], path: Path) -> AnyFolder:  # noqa: PYI019 - Self came with Python 3.11
        """Open a folder of the configuration; see open_path.py. Raise OSError."""
        where = os.fspath(path)
        return cls(open_folder(where), where)

    def __enter__(self: AnyFolder) -> AnyFolder:  # noqa: PYI019 - Self came with Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it."""
        os.close(self.descriptor)

    def below(self: AnyFolder, name: str) -> AnyFolder:  # noqa: PYI019 - Self came with Python 3.11
        """Open a folder in this one; `name` may have several parts, or none, for another descriptor of this one."""
        at = os.open(".", _LIST, dir_fd=self.descriptor) if not name else -1
        for part in filter(None, name.split("/")):
            try:
                with naming(self._where, name):
                    step = os.open(part, _LIST, dir_fd=self.descriptor if at < 0 else at)
            finally:
                if at >= 0:
                    os.close(at)
            at = step
        return type(self)(at, f"{self._where}/{name}".rstrip("/"))

    def holder(self: AnyFolder, name: str) -> AnyFolder:  # noqa: PYI019 - Self came with Python 3.11
        """Open the folder that holds what has this name, which may have several parts."""
        return self.below(name.rpartition("/")[0])

    @contextlib.contextmanager
    def entries(self) -> Iterator[Iterator[os.DirEntry[str]]]:
        """Look at all that is in it, in no order; the entries can be asked as long as this lasts."""
        with naming(self._where), os.scandir(self.descriptor) as found:
            yield found

    def names(self) -> list[str]:
        """Return the names in it, sorted."""
        with self.entries() as found:
            return sorted(entry.name for entry in found)

    def stat(self, name: str) -> os.stat_result | None:
        """Return what lstat(2) says; None where there is nothing of this name."""
        with naming(self._where, name):
            try:
                return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
            except FileNotFoundError:
                return None

    def has_file(self, name: str) -> bool:
        """Tell whether it is a regular file."""
        found = self.stat(name)
        return found is not None and stat.S_ISREG(found.st_mode)

    def is_same(self, name: str, other: ReadableFolder, other_name: str) -> bool:
        """Tell whether both names are there and are links to one file."""
        found, second = self.stat(name), other.stat(other_name)
        return found is not None and second is not None and os.path.samestat(found, second)

    def may_write(self) -> bool:
        """Tell whether this user may make and rename things in it, as far as its permissions say."""
        effective = os.access in os.supports_effective_ids
        return os.access(".", os.W_OK | os.X_OK, dir_fd=self.descriptor, effective_ids=effective)

    def open(self, name: str) -> int:
        """Return a descriptor to read a regular file from; never waits. Raise OSError, for all else too."""
        with naming(self._where, name):
            descriptor = os.open(name, _READ, dir_fd=self.descriptor)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise OSError(errno.EINVAL, "this is no regular file")
        return descriptor

    def read(self, name: str, most: int) -> bytes:
        """Return at most so many of the first bytes of a regular file. Raise OSError."""
        descriptor = self.open(name)
        try:
            return _read(descriptor, most)
        finally:
            os.close(descriptor)


def _read(descriptor: int, most: int) -> bytes:
    """Return at most so many bytes. An open file of Python's asks the system three things before it reads."""
    pieces = []
    while most and (piece := os.read(descriptor, min(most, _PIECE_BYTES))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)
