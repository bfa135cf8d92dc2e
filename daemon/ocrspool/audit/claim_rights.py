"""Which files in an inbox the service may not take, whatever runs now: a folder or a file is closed to its user."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from ocrspool.files import names
from ocrspool.files.folder import Folder
from ocrspool.files.name_patterns import NamePatterns
from ocrspool.files.walk import walk
from ocrspool.processes.owner import acting_as_owner
from ocrspool.spool.lock import LOCK
from ocrspool.spool.spool import Spool


@dataclass(frozen=True, slots=True)
class Unclaimable:
    """A file that the service may not take, or a folder that it may not look into."""

    name: str
    """Relative to the inbox."""
    why: str


def unclaimable(spool: Spool, rules: NamePatterns) -> list[Unclaimable] | None:
    """Return what the user of the service may not take out of the inbox. None where this user cannot tell.

    Root takes on the rights of that user, and asks. Anybody else can only ask for himself.
    """
    try:
        if os.geteuid() not in {0, spool.work.stat().st_uid}:
            return None
        with acting_as_owner(spool.work, lock=LOCK):
            return sorted(_look(spool, rules), key=lambda found: found.name)
    except OSError:
        return None


def _look(spool: Spool, rules: NamePatterns) -> Iterator[Unclaimable]:
    closed: list[Unclaimable] = []

    def note(prefix: str, error: OSError) -> None:
        if isinstance(error, PermissionError) and prefix:
            closed.append(Unclaimable(prefix, "the service may not look into this folder"))

    for prefix, folder, entries in walk(spool.inbox, lambda name: not rules.excludes(name), note):
        wanted = [entry for entry in entries if rules.wants(prefix + entry.name)]
        files = [entry for entry in wanted if entry.is_file(follow_symlinks=False)]
        if not files:
            continue
        why = _why_not_from(folder)
        for entry in files:
            if why or not _may(folder, entry.name, os.R_OK):
                yield Unclaimable(prefix + entry.name, why or "the service may not read it, so it would fail")
    yield from closed


def _why_not_from(folder: Folder) -> str:
    """Return why no file may be taken out of a folder; "" where that is allowed."""
    if not _may(folder, ".", os.W_OK | os.X_OK):
        return f"the service may not write to its folder {names.printable(folder.path.name)}"
    found = os.fstat(folder.descriptor)
    if found.st_mode & stat.S_ISVTX and found.st_uid != os.geteuid():
        return f"its folder {names.printable(folder.path.name)} lets nobody take the files of others (sticky bit)"
    return ""


def _may(folder: Folder, name: str, how: int) -> bool:
    return os.access(name, how, dir_fd=folder.descriptor, effective_ids=True)
