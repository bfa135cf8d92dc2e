"""Files in work that are still being written: when they go back to the inbox, and how long they are left alone there.

A claim is a rename, and a program that has a renamed file open goes on writing to it. So a source is examined again
before its result is delivered, or before it fails: its size, the time of its last change, and its inode. A file that
changed goes back. So does a file that is empty or ends too early, if it was written to a moment ago.
"""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from ocrspool.errors import DocumentError
from ocrspool.formatting import format_duration
from ocrspool.spool.jobs import Job
from ocrspool.spool.patience import Patience
from ocrspool.spool.snapshot import Content, FileSnapshot

_LONGEST_SECONDS = 60.0
"""A file that changes each time it is read is left alone twice as long each time, and at most so many seconds."""
_SOONEST_SECONDS = 1.0
_OF_AN_END = {"empty", "damaged", "empty-document"}
"""Kinds of errors that an unfinished file causes too."""
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Return:
    """A file goes back to the inbox."""

    why: str
    again: bool
    """Whether a file of this name went back before, so that the log has said so."""


class GrowingFiles:
    """What one inbox knows of such files. Each job asks about itself, from its own thread."""

    def __init__(self) -> None:
        self.patience = Patience(0)
        self.alone: deque[tuple[Content, float]] = deque()
        """The contents to be left alone in the inbox, and for how many seconds. The scanner takes them from here."""
        self._times: dict[str, int] = {}
        """How often files of a name have gone back since one of that name has ended."""

    def may_grow(self, job: Job) -> bool:
        """Tell whether the file was written to a moment ago, and did not get its name by a rename when it was whole."""
        if job.seen is None or job.seen.renamed:
            return False
        return abs(time.time() - job.seen.mtime_ns / 1e9) < self.patience.incomplete

    def judge(self, job: Job, error: DocumentError | None = None) -> Return | None:
        """Return why the file goes back, instead of being delivered or failing with `error`; None where it does not.

        An error that stands says in its hint how long the file had not changed.
        """
        if has_changed(job, stat_of(job.source)):
            seconds = max(self.patience.settle, _SOONEST_SECONDS) * 2 ** self._times.get(job.name, 0)
            longest = max(self.patience.settle, _LONGEST_SECONDS)
            return self.returns(job, "it has changed since it was claimed", min(seconds, longest))
        if error is None or job.seen is None:
            return None
        age = time.time() - job.seen.mtime_ns / 1e9
        if error.kind == "incomplete" or (error.kind == "empty" and self.may_grow(job)):
            wait = min(self.patience.incomplete - age, 2 * self.patience.incomplete)
            return self.returns(job, error.message, max(wait, self.patience.settle))
        if error.kind in _OF_AN_END and not job.seen.renamed and 0 <= age < _DAY_SECONDS:
            error.hint = f"{error.hint} The file had not changed for {format_duration(age)}.".lstrip()
        return None

    def returns(self, job: Job, why: str, seconds: float) -> Return:
        """Let the scanner leave the file alone for so long. The caller returns it to the inbox next."""
        times = self._times.get(job.name, 0)
        self._times[job.name] = times + 1
        if (found := content_of(job.source)) is not None:
            self.alone.append((found, seconds))
        return Return(why, again=times > 0)

    def over(self, job: Job) -> None:
        """Forget how often files of this name went back, because this one has ended."""
        self._times.pop(job.name, None)


def stat_of(path: Path) -> os.stat_result | None:
    """Return what lstat(2) says of a file in work/, which is closed to all others; None where there is none."""
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def content_of(path: Path) -> Content | None:
    """Return what distinguishes one content from another; None where there is no such file."""
    found = look_at(path)
    return None if found is None else found.content


def look_at(path: Path, name: str = "") -> FileSnapshot | None:
    """Return what stat(2) says of a file in work/ now; None where there is none."""
    found = stat_of(path)
    if found is None:
        return None
    return FileSnapshot(name, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def has_changed(job: Job, found: os.stat_result | None) -> bool:
    """Tell whether the job's file, of which stat(2) says this now, was replaced or written to since it was claimed."""
    if found is None or job.seen is None:
        return False
    return (found.st_ino, found.st_size, found.st_mtime_ns) != job.seen.content
