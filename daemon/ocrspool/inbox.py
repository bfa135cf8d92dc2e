"""Which files in an inbox count, and when one is settled. One scan of the tree is the truth; events only hint.

A file is settled, and may be claimed, when all of this holds:
1. it is a regular file (never a link, pipe, socket or device; nothing is opened that is not regular),
2. its name is wanted: included, not excluded, not a temporary or hidden name,
3. its size, times and inode have not changed for the settle time, or it was renamed into place: then it was
   whole when it got its name. A rename is known from an event, or from the file itself: whose content is older
   than its entry by more than the settle time has been renamed (copied by `cp -p`, unpacked), not written to.
   Once settled, it is compared again when it is claimed, and not at every scan.
4. nobody has it open for writing, where the kernel tells (see claim.py).
"""

from __future__ import annotations

import errno
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import translate
from operator import attrgetter
from pathlib import Path

from ocrspool.files.folder import Folder

DEEPEST = 64
"""Folders within folders; what lies deeper is left alone and reported."""
_PATH_MAX = 4096
"""Of Linux: bytes of a path with the zero behind it."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A file as one scan saw it. Two equal sightings are the same content, as far as stat(2) can tell."""

    name: str
    """Relative to the inbox, with surrogate escapes."""
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Scan:
    """What one scan found: files to claim, oldest first, and when to look again for those not settled yet."""

    settled: list[Sighting]
    waiting: int
    """Files seen that are not settled."""
    due: float | None
    """On the clock of the scanner; None when nothing is waiting."""
    problems: list[str]
    """Folders that could not be read, with the reason."""


class Rules:
    """Include and exclude patterns, compiled once: a pattern without "/" is matched with the last part of the name."""

    def __init__(self, include: Iterable[str], exclude: Iterable[str]) -> None:
        self._include = _compile(include)
        self._exclude = _compile(exclude)

    def wants(self, name: str) -> bool:
        """Tell whether a file of this name is to be read."""
        return not self.excludes(name) and _matches(self._include, name)

    def excludes(self, name: str) -> bool:
        """Tell whether a file or folder of this name is to be left alone, whatever it holds."""
        return _matches(self._exclude, name)


@dataclass(slots=True)
class Scanner:
    """Scans one inbox and remembers when each file will have been quiet enough. Losing it costs one settle time."""

    root: str
    rules: Rules
    settle_seconds: float
    recursive: bool
    clock: Callable[[], float]
    _known: dict[str, tuple[Sighting, float]] = field(default_factory=dict)
    """What the last scan saw, by name, and when each is settled."""
    _scanned_at: float = -math.inf

    def scan(self, renamed: frozenset[str] = frozenset()) -> Scan:
        """Look at the whole inbox once. `renamed` are names that an event says were renamed into place."""
        now = self.clock()
        settled: list[Sighting] = []
        due: float | None = None
        problems: list[str] = []
        known: dict[str, tuple[Sighting, float]] = {}
        for entry, name in self._files(problems):
            before = self._known.get(name)
            # What was settled at the last scan is not looked at again: claiming does that. With 100,000 files waiting
            # it is a third of the time.
            if before is None or before[1] > self._scanned_at or before[0].inode != entry.inode():
                if (seen := self._sight(entry, name, problems)) is None:
                    continue
                before = seen, self._settles(seen, before, now, renamed)
            known[name] = before
            seen, at = before
            if at <= now:
                settled.append(seen)
            elif due is None or at < due:
                due = at
        self._known, self._scanned_at = known, now
        settled.sort(key=attrgetter("mtime_ns", "name"))
        return Scan(settled, len(known) - len(settled), due, problems)

    def forget(self, seen: Sighting) -> None:
        """Drop what is known of a file that was claimed."""
        self._known.pop(seen.name, None)

    def unsettle(self, seen: Sighting) -> None:
        """Let the settle time of a file begin anew: it could not be claimed, being still open or changed."""
        self._known[seen.name] = seen, self.clock() + self.settle_seconds

    def _settles(
        self, seen: Sighting, before: tuple[Sighting, float] | None, now: float, renamed: frozenset[str]
    ) -> float:
        """Return when a file is settled, given what was known of its name."""
        unchanged = before is not None and before[0] == seen
        if seen.name in renamed or (not unchanged and self._was_renamed(seen)):
            return now  # also where an earlier scan was quicker than the event
        return before[1] if before is not None and unchanged else now + self.settle_seconds

    def _was_renamed(self, seen: Sighting) -> bool:
        return seen.ctime_ns - seen.mtime_ns > self.settle_seconds * 1e9

    def _files(self, problems: list[str]) -> Iterator[tuple[os.DirEntry[str], str]]:
        """Yield everything that is no folder, with its name."""
        folders = [""]
        while folders:
            prefix = folders.pop()
            if self._is_too_long(prefix, problems):
                continue
            try:
                with Folder.at(Path(self.root)) as root, root.below(prefix) as folder, folder.entries() as entries:
                    for entry in entries:
                        name = prefix + entry.name
                        if not entry.is_dir(follow_symlinks=False):
                            yield entry, name
                        elif self.recursive and not self.rules.excludes(name):
                            if name.count("/") < DEEPEST:
                                folders.append(name + "/")
                            else:
                                problems.append(f"{name}: more than {DEEPEST} folders deep")
            except FileNotFoundError:
                if not prefix:
                    problems.append(f"the inbox {self.root} is not there")
            except OSError as error:  # of the disk or the share too, in the middle of a folder
                problems.append(f"{prefix or self.root}: {error.strerror}")

    def _is_too_long(self, name: str, problems: list[str]) -> bool:
        """Tell whether no path leads there: hooks and people could not use one."""
        if len(os.fsencode(self.root)) + 1 + len(os.fsencode(name)) < _PATH_MAX:
            return False
        problems.append(f"{name}: {os.strerror(errno.ENAMETOOLONG)}")
        return True

    def _sight(self, entry: os.DirEntry[str], name: str, problems: list[str]) -> Sighting | None:
        if not self.rules.wants(name) or self._is_too_long(name, problems):
            return None
        try:
            if not entry.is_file(follow_symlinks=False):
                return None
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # gone since the folder was read
            return None
        except OSError as error:  # a path that is too long, for instance
            problems.append(f"{name}: {error.strerror}")
            return None
        return Sighting(name, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _compile(patterns: Iterable[str]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return one expression for patterns of the last part of a name, one for those of the whole."""
    parts: list[str] = []
    wholes: list[str] = []
    for pattern in patterns:
        (wholes if "/" in pattern else parts).append(translate(pattern))
    never = r"(?!)"
    return (
        re.compile("|".join(parts) or never, re.IGNORECASE),
        re.compile("|".join(wholes) or never, re.IGNORECASE),
    )


def _matches(compiled: tuple[re.Pattern[str], re.Pattern[str]], name: str) -> bool:
    part, whole = compiled
    return part.match(name.rpartition("/")[2]) is not None or whole.match(name) is not None
