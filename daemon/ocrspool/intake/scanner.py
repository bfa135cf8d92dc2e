"""Which files in an inbox count, and when one is settled. A scan of the tree decides, and events are only hints.

A file is settled, and may be claimed, when all of this holds:
1. it is a regular file (never a link, pipe, socket or device; nothing is opened that is not regular),
2. its name is wanted: included, not excluded, not a temporary or hidden name,
3. its size, times and inode have not changed for the settle time, or it was renamed into place: then it was
   whole when it got its name. A rename is known from an event, or from the file itself: whose content is older
   than its entry by more than the settle time has been renamed (copied by `cp -p`, unpacked), not written to.
   Once settled, it is compared again when it is claimed, and not at every scan.
4. nobody has it open for writing, where the kernel tells (by events: writers.py; by a lease: spool/claim.py). Events
   may be wrong, so a file that has not changed for the writer's patience is taken anyway,
5. it is not empty, or has been empty for the longer patience that incomplete files have: somebody may have opened it
   and not written yet.
A file that was claimed and given back, because it changed or ended too early, is left alone for a while.
"""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

from ocrspool.files.folder import Folder
from ocrspool.files.name_patterns import NamePatterns
from ocrspool.spool.patience import Patience
from ocrspool.spool.snapshot import Content, FileSnapshot

DEEPEST = 64
"""The depth of folders. What lies deeper is left alone and reported."""
_PATH_MAX = 4096
"""The longest path on Linux in bytes, with the zero at its end."""
_SOONEST_SECONDS = 1.0
"""A file that has waited longer than the settle time is looked at again after so many seconds at the earliest."""

_NOTHING: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Scan:
    """What one scan found: files to claim, oldest first, and when to look again for those not settled yet."""

    settled: list[FileSnapshot]
    waiting: int
    """Files seen that are not settled."""
    due: float | None
    """On the clock of the scanner; None when nothing is waiting."""
    problems: list[str]
    """Folders that could not be read, with the reason."""
    held: frozenset[str] = frozenset()
    """Names of files that would be settled, if nobody had them open for writing."""
    overdue: frozenset[str] = frozenset()
    """Names of settled files that somebody has had open for longer than the writer's patience."""


@dataclass(slots=True)
class Scanner:
    """Scans one inbox and remembers when each file will be settled. If that is lost, each file waits once more."""

    root: str
    rules: NamePatterns
    patience: Patience
    recursive: bool
    clock: Callable[[], float]
    _known: dict[str, tuple[FileSnapshot, float]] = field(default_factory=dict)
    """The files of the last scan by name, and when each is settled."""
    _alone: dict[Content, float] = field(default_factory=dict)
    """The contents that were given back, and until when each is left alone."""
    _scanned_at: float = -math.inf

    def scan(self, renamed: frozenset[str] = frozenset(), written: Mapping[str, int] = _NOTHING) -> Scan:
        """Look at the whole inbox once. Both arguments are what events say, by name.

        `renamed` was renamed into place. `written` is open for writing, if it changed at the given time (ns of the
        epoch) or later.
        """
        now = self.clock()
        soon = now + max(self.patience.settle, _SOONEST_SECONDS)
        settled: list[FileSnapshot] = []
        due: float | None = None
        problems: list[str] = []
        known: dict[str, tuple[FileSnapshot, float]] = {}
        open_since: dict[int, int] = {}
        for entry, name in self._files(problems):
            if name in written:  # under any of its names
                open_since[entry.inode()] = min(written[name], open_since.get(entry.inode(), written[name]))
            before = self._known.get(name)
            # What was settled at the last scan is not looked at again: claiming does that. With 100,000 files waiting
            # it is a third of the time.
            if (
                before is None
                or before[1] > self._scanned_at
                or before[0].inode != entry.inode()
                or entry.inode() in open_since
            ):
                if (found := self._sight(entry, name, problems, renamed)) is None:
                    continue
                before = found, self._settles(found, before, now)
            known[name] = before
            seen, at = before
            if at <= now:
                settled.append(seen)
            elif due is None or at < due:
                due = min(at, soon)  # a write into an open file is no event
        self._known, self._scanned_at = known, now
        self._alone = {content: until for content, until in self._alone.items() if until > now}
        held, overdue = self._still_open(settled, open_since, now)
        if held:
            settled = [seen for seen in settled if seen.name not in held]
            due = soon if due is None else min(due, soon)
        settled.sort(key=attrgetter("mtime_ns", "name"))
        return Scan(settled, len(known) - len(settled), due, problems, frozenset(held), frozenset(overdue))

    def forget(self, seen: FileSnapshot) -> None:
        """Forget a file that was claimed."""
        self._known.pop(seen.name, None)

    def unsettle(self, seen: FileSnapshot) -> None:
        """Let the settle time of a file begin anew: it could not be claimed, being still open or changed."""
        self._known[seen.name] = seen, self.clock() + self.patience.settle

    def leave_alone(self, content: Content, seconds: float) -> None:
        """Do not settle a file with this content for so long: it was claimed and is given back. A change ends that."""
        self._alone[content] = self.clock() + seconds

    def _settles(self, seen: FileSnapshot, before: tuple[FileSnapshot, float] | None, now: float) -> float:
        """Return when a file is settled, given what was known of its name."""
        unchanged = before is not None and before[0] == seen
        alone_until = self._alone.get(seen.content, now)
        if seen.renamed or (not unchanged and self._was_renamed(seen)):
            return max(now, alone_until)  # also where an earlier scan was quicker than the event
        if before is not None and unchanged:
            return before[1]
        quiet = self.patience.settle if seen.size else max(self.patience.settle, self.patience.incomplete)
        return max(now + quiet, alone_until)

    def _still_open(
        self, settled: list[FileSnapshot], open_since: dict[int, int], now: float
    ) -> tuple[set[str], set[str]]:
        """Return which of these files are open for writing, and which are so for too long."""
        held: set[str] = set()
        overdue: set[str] = set()
        for seen in settled if open_since else ():
            # A write changes both times. One of them can be set to any time, also to one in the future.
            if min(seen.mtime_ns, seen.ctime_ns) < open_since.get(seen.inode, math.inf):
                continue
            if now < self._known[seen.name][1] + self.patience.writer:
                held.add(seen.name)
            elif self.patience.writer:
                overdue.add(seen.name)
        return held, overdue

    def _was_renamed(self, seen: FileSnapshot) -> bool:
        return seen.ctime_ns - seen.mtime_ns > self.patience.settle * 1e9

    def _files(self, problems: list[str]) -> Iterator[tuple[os.DirEntry[str], str]]:
        """Yield each entry that is not a folder, with its name."""
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
            except OSError as error:  # a disk or a share may fail in the middle of a folder
                problems.append(f"{prefix or self.root}: {error.strerror}")

    def _is_too_long(self, name: str, problems: list[str]) -> bool:
        """Tell whether no path leads there: hooks and people could not use one."""
        if len(os.fsencode(self.root)) + 1 + len(os.fsencode(name)) < _PATH_MAX:
            return False
        problems.append(f"{name}: {os.strerror(errno.ENAMETOOLONG)}")
        return True

    def _sight(
        self, entry: os.DirEntry[str], name: str, problems: list[str], renamed: frozenset[str]
    ) -> FileSnapshot | None:
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
        return FileSnapshot(name, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, name in renamed)
