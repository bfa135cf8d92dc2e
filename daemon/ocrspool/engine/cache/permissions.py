"""Who may use the files of the engine cache: all of them belong to the user to whom the cache belongs."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ocrspool.errors import EngineError, Exit
from ocrspool.files import names
from ocrspool.machine import accounts

_USE_FILE = stat.S_IRUSR
_USE_FOLDER = stat.S_IRUSR | stat.S_IXUSR


def unusable(cache: Path) -> EngineError | None:
    """Return an error that tells which files below `engines` the owner of the cache cannot use; None where all is well.

    A build as root, or a copy, leaves files that the service may not read, lock or replace. Raise OSError.
    """
    try:
        owner = cache.stat().st_uid
    except FileNotFoundError:
        return None
    found = [why for path in _everything(cache / "engines") if (why := _fault(path, owner))]
    if not found:
        return None
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return EngineError(
        f"{found[0]}{more}; user {accounts.user(owner)} has the cache and cannot use it", _hint(cache, owner)
    )


def denied(error: PermissionError) -> EngineError:
    """Return what to tell of a file that could not be used: who may not, and, for one of the cache, what to do."""
    path = Path(os.fsdecode(error.filename or ""))
    cache = next((each.parent for each in (path, *path.parents) if each.name == "engines"), None)
    message = f"user {accounts.user()} may not use {names.printable(os.fspath(path))}"
    told = EngineError(message, "" if cache is None else _what_to_do(cache))
    told.exit_code = Exit.NO_PERMISSION
    return told


def _what_to_do(cache: Path) -> str:
    """Return what helps a user who may not use a file of a cache: it may be the cache of another."""
    try:
        owner = cache.stat().st_uid
    except OSError:
        return f"run this as the user who has {cache}, or as root"
    if owner != os.geteuid():
        name = accounts.user(owner)
        return f"{cache} belongs to user {name}: run this as that user (sudo -u {name}), or as root"
    return _hint(cache, owner)


def _hint(cache: Path, owner: int) -> str:
    return f"run as root: chown -R {accounts.user(owner)}: {cache} && chmod -R u+rwX {cache}"


def _everything(folder: Path) -> list[Path]:
    if not folder.exists():
        return []
    return [folder, *(Path(at, name) for at, folders, files in os.walk(folder) for name in sorted((*folders, *files)))]


def _fault(path: Path, owner: int) -> str:
    try:
        found = path.lstat()
    except FileNotFoundError:  # removed meanwhile
        return ""
    shown = names.printable(os.fspath(path))
    if found.st_uid != owner:
        return f"{shown} belongs to {accounts.user(found.st_uid)}"
    needed = _USE_FOLDER if stat.S_ISDIR(found.st_mode) else _USE_FILE
    if not stat.S_ISLNK(found.st_mode) and found.st_mode & needed != needed:
        return f"{shown} has the mode {stat.S_IMODE(found.st_mode):04o}"
    return ""
