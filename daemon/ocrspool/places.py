"""Where a file goes below a folder: folders made on the way, no link followed, no path too long for the system."""

from __future__ import annotations

import hashlib
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ocrspool import names

PRIVATE = ".ocrspool"
"""A folder in an outbox, for what is being copied there from another filesystem; no other folder is called so."""

_MOST_PATH_BYTES = 4096 - 64
"""PATH_MAX of Linux, less what is added to a name later: a tag, the suffix of a reason."""


def placed(root: Path, name: str, tag: str, mode: int | None = None) -> Path:
    """Return the path of `name` under `root`. Its folders are made, with `mode` unless the umask is to decide.

    A folder in whose place something else is gets the tag. A path that would be too long is cut to its last part.
    """
    at = root
    _make(at, mode, parents=True)
    if len(os.fsencode(root)) + 1 + len(os.fsencode(name)) > _MOST_PATH_BYTES:
        digest = hashlib.sha256(os.fsencode(name)).hexdigest()
        return at / names.tagged(name.rpartition("/")[2], digest[:16])
    *folders, last = name.split("/")
    for part in folders:
        at /= next(folder for folder in _folders(part, tag) if _may_be_entered(at / folder))
        _make(at, mode)
    return at / last


def _folders(part: str, tag: str) -> Iterator[str]:
    """Yield what a folder may be called, best first."""
    yield part
    yield names.tagged(part, tag)
    for number in itertools.count(2):
        yield names.tagged(part, f"{tag}-{number}")


def _may_be_entered(path: Path) -> bool:
    """Tell whether it is a folder or can become one; no link to one, because others may write where we put things."""
    is_folder = path.is_dir() and not path.is_symlink()
    return path.name != PRIVATE and (is_folder or not os.path.lexists(path))


def _make(folder: Path, mode: int | None, *, parents: bool = False) -> None:
    if folder.is_dir():
        return
    folder.mkdir(parents=parents, exist_ok=True)
    if mode is not None:
        searchable = mode | (mode & 0o444) >> 2 | stat.S_IRWXU  # the service goes on to put files there
        folder.chmod(searchable | folder.stat().st_mode & stat.S_ISGID)  # who inherits a group goes on to pass it on
