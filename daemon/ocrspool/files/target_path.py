"""The place of a file below a folder: folders are made on the way, no link is followed, no path is too long."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ocrspool.files import names
from ocrspool.files.faults import is_of_people
from ocrspool.files.folder import Folder
from ocrspool.files.publish import PRIVATE

_MOST_PATH_BYTES = 4096 - 64
"""PATH_MAX of Linux, less what is added to a name later: a tag, the suffix of a reason."""
_MOST_TRIES = 4
"""Names that a folder is tried under."""


class Place:
    """A name in an open folder. Use it in a `with`."""

    __slots__ = ("folder", "name")

    def __init__(self, folder: Folder, name: str) -> None:
        self.folder = folder
        self.name = name

    def __enter__(self) -> Place:  # noqa: PYI034 - Self came with Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.folder.close()

    @property
    def path(self) -> Path:
        """Where that is, for people."""
        return self.folder.path / self.name

    def below(self, root: Path) -> str:
        """Return its name relative to a folder above it, which `target_path` was given."""
        return f"{self.folder.where}/{self.name}".removeprefix(f"{root}/")


def target_path(root: Path, name: str, tag: str, mode: int | None = None) -> Place:
    """Return the place of `name` under `root`. Its folders are made, with `mode` unless the umask is to decide.

    A folder gets the tag where something else has its name, or a folder that we may not write to. Where no folder can
    be had, and where the path would be too long, the place is in `root` itself. Raise OSError where `root` is at fault.
    """
    *folders, last = name.split("/")
    if len(os.fsencode(root)) + 1 + len(os.fsencode(name)) <= _MOST_PATH_BYTES:
        below = _below(root, folders, tag, mode)
        if below is not None:
            return Place(below, last)
    return Place(_root(root, mode), names.tagged(last, hashlib.sha256(os.fsencode(name)).hexdigest()[:16]))


def _below(root: Path, folders: list[str], tag: str, mode: int | None) -> Folder | None:
    """Open the last of these folders, each in the one before. None where one cannot be had."""
    at = _root(root, mode)
    for part in folders:
        try:
            below = _entered(at, part, tag, mode)
        finally:
            at.close()
        if below is None:
            return None
        at = below
    return at


def _root(root: Path, mode: int | None) -> Folder:
    try:
        return Folder.at(root)
    except FileNotFoundError:
        folder = Folder.made(root)
        _give_mode(folder, mode)
        return folder


def _entered(at: Folder, part: str, tag: str, mode: int | None) -> Folder | None:
    """Open a folder of this name, or of a tagged one, that we may write to. None where none can be had."""
    for name in _names(part, tag):
        if name == PRIVATE:
            continue
        try:
            made = at.make(name)
            below = at.below(name)
        except FileNotFoundError:  # renamed away between the two
            continue
        except OSError as error:
            if not is_of_people(error):
                raise
            continue
        if made:
            _give_mode(below, mode)
        elif not below.may_write():
            below.close()
            continue
        return below
    return None


def _names(part: str, tag: str) -> Iterator[str]:
    """Yield what a folder may be called, best first."""
    yield part
    yield names.tagged(part, tag)
    for number in range(2, _MOST_TRIES):
        yield names.tagged(part, f"{tag}-{number}")


def _give_mode(folder: Folder, mode: int | None) -> None:
    if mode is None:
        return
    searchable = mode | (mode & 0o444) >> 2 | stat.S_IRWXU  # the service goes on to put files there
    inherited = os.fstat(folder.descriptor).st_mode & stat.S_ISGID  # who inherits a group goes on to pass it on
    with contextlib.suppress(PermissionError):  # of a filesystem that has one mode for all
        os.fchmod(folder.descriptor, searchable | inherited)
