"""A file as one look at it saw it."""

from __future__ import annotations

from dataclasses import dataclass, field

Content = tuple[int, int, int]
"""Inode, size and time of the last change (ns): two equal ones are the same content, as far as stat(2) can tell."""


@dataclass(frozen=True, slots=True)
class FileSnapshot:
    """A file as one scan saw it. Two equal snapshots are the same content, as far as stat(2) can tell."""

    name: str
    """Relative to the inbox, with surrogate escapes."""
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    renamed: bool = field(default=False, compare=False)
    """Whether an event said that it was renamed into place, so that it was whole when it got its name."""

    @property
    def content(self) -> Content:
        """What a later look has to find for the file to be the same."""
        return self.inode, self.size, self.mtime_ns
