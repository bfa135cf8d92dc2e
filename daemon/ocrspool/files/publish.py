"""Make the files of a job appear whole in an outbox, even if the outbox is on another filesystem.

Files are written and synced before they are renamed or linked into the outbox, and the folder's entry is synced after
that. So neither a reader nor a power cut ever sees half a file.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ocrspool.files.folder import NO_LINKS, NO_NAMELESS, PRIVATE_MODE, Folder, copy_into, random_name

PRIVATE = ".ocrspool"
"""A folder in an outbox, for what is being copied there from another filesystem; no other folder is called so."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Takes files out of one folder of ours, where they stay."""

    source: Folder
    outbox: Path
    """The top of the outbox."""
    mode: int | None
    """Mode of what appears; None: as the umask had it."""

    def publish(self, name: str, target: Folder, new: str) -> None:
        """Make the synced file `name` appear as `new` in `target` too, in place of what has that name.

        On one filesystem a hard link costs nothing; where there are none, a copy is made beside the source. On another
        one the copy has no name until it is whole; where that cannot be, or something has the name, it has one in
        PRIVATE. The caller syncs the target's folder. Raise OSError with nothing left behind.
        """
        if self.mode is not None:
            self.source.set_mode(name, self.mode)
        try:
            self.source.link(name, target, new)
        except OSError as error:
            if error.errno == errno.EXDEV:
                self._copy_elsewhere(name, target, new)
            elif error.errno in {errno.EEXIST, *NO_LINKS}:
                self._replace(name, target, new)
            else:
                raise

    def _replace(self, name: str, target: Folder, new: str) -> None:
        second = name + ".out"
        self.source.unlink(second)
        try:
            try:
                self.source.link(name, self.source, second)
            except OSError as error:
                if error.errno not in NO_LINKS:
                    raise
                self._copy(name, self.source, second)
            try:
                self.source.rename(second, target, new)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                self._copy_elsewhere(name, target, new)
        finally:
            # rename(2) does nothing, successfully, where both names are links to one file: a repeat after a crash.
            self.source.unlink(second)

    def _copy_elsewhere(self, name: str, target: Folder, new: str) -> None:
        """Copy to another filesystem: into a file without a name, which is linked when it is whole."""
        try:
            descriptor = target.nameless()
        except OSError as error:
            if error.errno not in NO_NAMELESS:
                raise
            with self._on_the_way(target) as way, _temporary(way) as half:
                self._copy(name, way, half)
                way.rename(half, target, new)
            return
        try:
            self._fill(descriptor, name)
            with contextlib.suppress(FileExistsError):
                target.link_open(descriptor, new)
                return
            with self._on_the_way(target) as way, _temporary(way) as half:
                way.link_open(descriptor, half)
                way.rename(half, target, new)
        finally:
            os.close(descriptor)

    def _on_the_way(self, target: Folder) -> Folder:
        """Open PRIVATE; where that name is another's, the target itself, in which our names are hidden and random."""
        with contextlib.suppress(OSError), Folder.at(self.outbox) as outbox:
            outbox.make(PRIVATE, PRIVATE_MODE)
            return outbox.private(PRIVATE)
        return target.below("")

    def _copy(self, name: str, target: Folder, new: str) -> None:
        descriptor = target.new(new)
        try:
            self._fill(descriptor, name)
        except OSError:
            target.unlink(new)
            raise
        finally:
            os.close(descriptor)

    def _fill(self, descriptor: int, name: str) -> None:
        """Write the content, and wait for the disk. Without a mode, the umask has decided."""
        if self.mode is not None:
            os.fchmod(descriptor, self.mode)
        copy_into(descriptor, self.source, name)


def clear(outbox: Path) -> None:
    """Remove what a crash has left in PRIVATE: copies of what is still where they were made from.

    Raise OSError where something else has that name: a link, or a folder of another user. That stays untouched.
    """
    with contextlib.suppress(FileNotFoundError), Folder.at(outbox) as folder, folder.private(PRIVATE) as private:
        for half in private.names():
            if private.has_file(half):
                private.unlink(half)


@contextlib.contextmanager
def _temporary(folder: Folder) -> Iterator[str]:
    """Lend a name for a file, which is removed at the end where it is still there."""
    name = random_name()
    try:
        yield name
    finally:
        folder.unlink(name)
