"""An open folder in which files and folders are made, written, moved and removed, each by its descriptor.

`readable_folder.py` has what only looks. Names are single parts, unless a function says otherwise. No link is followed.
An OSError names the whole path, for people.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ocrspool.files.open_path import naming
from ocrspool.files.readable_folder import ReadableFolder
from ocrspool.files.rename import rename_new

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
PRIVATE_MODE = 0o700
"""The mode of a folder that only the service may enter."""

NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS, errno.EXDEV})
"""Errors of link(2) where a file cannot have a second name."""
NO_NAMELESS = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL})
"""Errors of open(2) where a filesystem has no O_TMPFILE."""


class Folder(ReadableFolder):
    """An open folder in which things are made, moved and removed. Close it, or use it in a `with`."""

    __slots__ = ()

    @classmethod
    def made(cls, path: Path, mode: int = 0o777) -> Folder:
        """Open a folder of the configuration. Where it is missing it is made, with this mode less the umask.

        Missing folders above it are made too. They are not writable for others, who could otherwise put another folder
        in this one's place.
        """
        try:
            return cls.at(path)
        except FileNotFoundError:
            if path.parent == path:
                raise
        with cls.made(path.parent, 0o755) as above:
            above.make(path.name, mode)
        return cls.at(path)

    # Folders in it

    def make(self, name: str, mode: int = 0o777) -> bool:
        """Make a folder with this mode, less the umask. Tell whether it was not there."""
        with naming(self._where, name):
            try:
                os.mkdir(name, mode, dir_fd=self.descriptor)
            except FileExistsError:
                return False
        return True

    def private(self, name: str, owner: int | None = None) -> Folder:
        """Open a folder of ours, and keep all others out of it. Raise OSError, as `keep_others_out` does too."""
        folder = self.below(name)
        try:
            folder.keep_others_out(owner)
        except OSError:
            folder.close()
            raise
        return folder

    def keep_others_out(self, owner: int | None = None) -> None:
        """Take the rights of all others from this folder. Raise PermissionError where it is not this user's.

        `owner` is whose our files are on a filesystem that says so of all files, as SMB does.
        """
        found = os.fstat(self.descriptor)
        if found.st_uid != (os.geteuid() if owner is None else owner):
            raise PermissionError(errno.EPERM, f"this folder belongs to user {found.st_uid}", self._where)
        if stat.S_IMODE(found.st_mode) & 0o777 != PRIVATE_MODE:
            with contextlib.suppress(PermissionError):  # where all files belong to one user, they have one mode too
                os.fchmod(self.descriptor, PRIVATE_MODE | found.st_mode & stat.S_ISGID)

    def owner_of_new(self) -> int:
        """Return the owner of what this process makes here."""
        descriptor = self.scratch()
        try:
            return os.fstat(descriptor).st_uid
        finally:
            os.close(descriptor)

    # What is in it

    def new(self, name: str, mode: int = 0o666) -> int:
        """Make a file that was not there, and return a descriptor to write to it and read from it."""
        with naming(self._where, name):
            return os.open(name, _NEW, mode, dir_fd=self.descriptor)

    def note(self, name: str) -> None:
        """Make an empty file. Only its name matters, which is on disk when later renames are."""
        os.close(self.new(name, 0o600))

    def write_new(self, name: str, data: bytes) -> bool:
        """Write a file that was not there, without waiting for the disk. Tell whether there was none; else it stays.

        It has its name before it is whole. Raise OSError, and then leave nothing behind.
        """
        try:
            descriptor = self.new(name)
        except FileExistsError:
            return False
        try:
            _write(descriptor, data)
        except BaseException:
            self.unlink(name)
            raise
        finally:
            os.close(descriptor)
        return True

    def lock_file(self, name: str) -> int:
        """Return a descriptor of a file to be locked, which nobody else may open. It is made where it is missing."""
        with naming(self._where, name):
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            return os.open(name, flags, 0o600, dir_fd=self.descriptor)

    def nameless(self, mode: int = 0o666) -> int:
        """Return a descriptor of a new file without a name. Raise OSError, of NO_NAMELESS where there are none."""
        with naming(self._where):
            return os.open(".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, mode, dir_fd=self.descriptor)

    def scratch(self) -> int:
        """Return a descriptor of a new file that is gone when it is closed."""
        try:
            return self.nameless(0o600)
        except OSError as error:
            if error.errno not in NO_NAMELESS:
                raise
        name = random_name()
        descriptor = self.new(name, 0o600)
        self.unlink(name)
        return descriptor

    def write(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """Write a file whole, in place of what has the name. Raise OSError, and then leave nothing behind.

        `durable` waits for the disk.
        """
        with self._replacing(name, durable=durable) as descriptor:
            _write(descriptor, data)

    @contextlib.contextmanager
    def writing(self, name: str, *, durable: bool = True, mode: int | None = None) -> Iterator[BinaryIO]:
        """Open a file to write to, piece by piece. At the end it has its name, whole, and is on disk if `durable`.

        Where the writing ends in an exception nothing is left behind, and what had the name keeps it.
        """
        with (
            self._replacing(name, durable=durable) as descriptor,
            open(descriptor, "wb", closefd=False) as file,
        ):
            if mode is not None:
                os.fchmod(descriptor, mode)
            yield file

    @contextlib.contextmanager
    def _replacing(self, name: str, *, durable: bool) -> Iterator[int]:
        """Lend a descriptor of a new file, which has the name at the end."""
        temporary = random_name()
        try:
            descriptor = self.new(temporary)
            try:
                yield descriptor
                if durable:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self.rename(temporary, self, name)
        except BaseException:
            with contextlib.suppress(OSError):
                self.unlink(temporary)
            raise
        if durable:
            self.sync()

    def link_open(self, descriptor: int, name: str) -> None:
        """Give an open file a name here. Raise FileExistsError."""
        # As linkat(2) describes it for those that are not root.
        proc = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            with naming(self._where, name):
                os.link(str(descriptor), name, src_dir_fd=proc, dst_dir_fd=self.descriptor, follow_symlinks=True)
        finally:
            os.close(proc)

    def link(self, name: str, to: Folder, new: str) -> None:
        """Give a file another name. Raise OSError, of NO_LINKS where it cannot have one."""
        with naming(to._where, new):
            os.link(name, new, src_dir_fd=self.descriptor, dst_dir_fd=to.descriptor, follow_symlinks=False)

    def rename(self, name: str, to: Folder, new: str) -> None:
        """Rename, over what has the new name."""
        with naming(to._where, new):
            os.rename(name, new, src_dir_fd=self.descriptor, dst_dir_fd=to.descriptor)

    def rename_new(self, name: str, to: Folder, new: str) -> None:
        """Rename, but never over another file. Raise FileExistsError.

        Where both names are one file, as after a power cut on btrfs, the old one is removed. Where there is no such
        rename, what appears in the last instant before it is replaced: the caller has looked.
        """
        try:
            with naming(to._where, new):
                if not rename_new(name, self.descriptor, to.descriptor, new):
                    os.rename(name, new, src_dir_fd=self.descriptor, dst_dir_fd=to.descriptor)
        except FileExistsError:
            if not self.is_same(name, to, new):
                raise
            self.unlink(name)

    def move_new(self, name: str, to: Folder, new: str) -> None:
        """Rename, but never over another file, and sync both folders. Raise FileExistsError.

        Where there is no such rename a link and a removal do the same. Where a crash came between these two steps,
        both names are one file: a repeat removes the first.
        """
        try:
            with naming(to._where, new):
                moved = rename_new(name, self.descriptor, to.descriptor, new)
            if not moved:
                self.link(name, to, new)
                self.unlink(name)
        except FileExistsError:
            if not self.is_same(name, to, new):
                raise
            self.unlink(name)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            if to.stat(new) is not None:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), f"{to._where}/{new}") from error
            self.rename(name, to, new)
        to.sync()  # first: between the two the file has both names at worst
        self.sync()

    def unlink(self, name: str) -> None:
        """Remove a file, if there is one. Of a link the link is removed, and not its target."""
        with naming(self._where, name), contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.descriptor)

    def remove_folder(self, name: str) -> None:
        """Remove a folder that is empty."""
        with naming(self._where, name):
            os.rmdir(name, dir_fd=self.descriptor)

    def set_mode(self, name: str, mode: int) -> None:
        """Set the mode of a regular file."""
        descriptor = self.open(name)
        try:
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)

    def sync(self) -> None:
        """Wait until its entries are on disk."""
        try:
            os.fsync(self.descriptor)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:  # some network filesystems sync no folders
                raise


def copy_into(descriptor: int, source: Folder, name: str) -> None:
    """Write the content of a regular file to an open one, and wait for the disk."""
    with os.fdopen(source.open(name), "rb") as original, open(descriptor, "wb", closefd=False) as file:
        shutil.copyfileobj(original, file)
        file.flush()
        os.fsync(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def random_name() -> str:
    """Return a name for a temporary file: hidden, and impossible to guess."""
    return f".ocrspool-{secrets.token_hex(8)}"
