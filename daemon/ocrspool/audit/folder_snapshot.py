"""One look at a folder and everything below it: names and results of stat(2). It follows no link and opens no file."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ocrspool.files.walk import walk


@dataclass(frozen=True, slots=True)
class Entry:
    """Anything with a name that is no folder."""

    name: str
    """Relative to the folder, with surrogate escapes."""
    mode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    links: int
    """How many names the file has."""
    identity: tuple[int, int]
    """Device and inode: two names of one identity are one file."""

    @property
    def regular(self) -> bool:
        """Tell whether it is a file with content."""
        return stat.S_ISREG(self.mode)


@dataclass(slots=True)
class Tree:
    """A folder as it was for a moment."""

    root: Path
    entries: dict[str, Entry] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    closed: dict[str, str] = field(default_factory=dict)
    """Folders that could not be looked into, with the system's reason."""

    def files(self) -> list[Entry]:
        """Return the regular files."""
        return [entry for entry in self.entries.values() if entry.regular]

    def path(self, name: str) -> Path:
        """Return where the entry is."""
        return self.root / name


def look(root: Path, excludes: Callable[[str], bool] = lambda _: False) -> Tree:
    """Look at everything below `root` except excluded folders. A folder that does not exist is empty."""
    tree = Tree(root)

    def close(prefix: str, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            tree.closed[prefix.rstrip("/")] = error.strerror or str(error)

    for prefix, _, entries in walk(root, lambda name: not excludes(name), close):
        for entry in entries:
            name = prefix + entry.name
            if not entry.is_dir(follow_symlinks=False):
                _add(tree, entry, name)
            elif not excludes(name):
                tree.folders.append(name)
    return tree


def _add(tree: Tree, entry: os.DirEntry[str], name: str) -> None:
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:  # gone since the folder was read
        return
    except OSError as error:  # a path that is too long, for instance
        tree.closed[name] = error.strerror or str(error)
        return
    identity = (found.st_dev, found.st_ino)
    times = (found.st_mtime_ns, found.st_ctime_ns)
    tree.entries[name] = Entry(name, found.st_mode, found.st_size, *times, found.st_nlink, identity)
