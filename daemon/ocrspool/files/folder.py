"""An open folder: everything below it is reached by its descriptor, so no path is looked up twice.

Names are single parts, unless a function says otherwise. No link is followed, neither at the last part nor on the way.
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

from ocrspool.files.open_path import naming, open_folder

_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
PRIVATE_MODE = 0o700
"""Of a folder that is ours alone."""

NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS, errno.EXDEV})
"""What link(2) says where a file cannot have a second name."""
NO_NAMELESS = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL})
"""What open(2) says where a filesystem has no O_TMPFILE."""


class Folder:
    """An open folder. Close it, or use it in a `with`."""

    __slots__ = ("_where", "descriptor")

    def __init__(self, descriptor: int, where: str) -> None:
        self.descriptor = descriptor
        self._where = where

    @property
    def path(self) -> Path:
        """Where it was when it was opened: for messages, and to tell people where something lies."""
        return Path(self._where)

    @classmethod
    def at(cls, path: Path) -> Folder:
        """Open a folder of the configuration; see open_path.py. Raise OSError."""
        where = os.fspath(path)
        return cls(open_folder(where), where)

    @classmethod
    def made(cls, path: Path, mode: int = 0o777) -> Folder:
        """Open such a folder, made with this mode, less the umask, where it is not there; folders above it likewise.

        Those above are not writable for others: who could rename there could put another folder in this one's place.
        """
        try:
            return cls.at(path)
        except FileNotFoundError:
            if path.parent == path:
                raise
        with cls.made(path.parent, 0o755) as above:
            above.make(path.name, mode)
        return cls.at(path)

    def __enter__(self) -> Folder:  # noqa: PYI034 - Self came with Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it."""
        os.close(self.descriptor)

    # Folders in it

    def below(self, name: str) -> Folder:
        """Open a folder in this one; `name` may have several parts, or none, for another descriptor of this one."""
        at = os.open(".", _LIST, dir_fd=self.descriptor) if not name else -1
        for part in filter(None, name.split("/")):
            try:
                with naming(self._where, name):
                    step = os.open(part, _LIST, dir_fd=self.descriptor if at < 0 else at)
            finally:
                if at >= 0:
                    os.close(at)
            at = step
        return Folder(at, f"{self._where}/{name}".rstrip("/"))

    def holder(self, name: str) -> Folder:
        """Open the folder that holds what has this name, which may have several parts."""
        return self.below(name.rpartition("/")[0])

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
        """Return to which user belongs what we make here."""
        descriptor = self.scratch()
        try:
            return os.fstat(descriptor).st_uid
        finally:
            os.close(descriptor)

    # What is in it

    @contextlib.contextmanager
    def entries(self) -> Iterator[Iterator[os.DirEntry[str]]]:
        """Look at all that is in it, in no order; the entries can be asked as long as this lasts."""
        with naming(self._where), os.scandir(self.descriptor) as found:
            yield found

    def names(self) -> list[str]:
        """Return the names in it, sorted."""
        with self.entries() as found:
            return sorted(entry.name for entry in found)

    def stat(self, name: str) -> os.stat_result | None:
        """Return what lstat(2) says; None where there is nothing of this name."""
        with naming(self._where, name):
            try:
                return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
            except FileNotFoundError:
                return None

    def has_file(self, name: str) -> bool:
        """Tell whether it is a regular file."""
        found = self.stat(name)
        return found is not None and stat.S_ISREG(found.st_mode)

    def is_same(self, name: str, other: Folder, other_name: str) -> bool:
        """Tell whether both names are there and are links to one file."""
        found, second = self.stat(name), other.stat(other_name)
        return found is not None and second is not None and os.path.samestat(found, second)

    def may_write(self) -> bool:
        """Tell whether this user may make and rename things in it, as far as its permissions say."""
        effective = os.access in os.supports_effective_ids
        return os.access(".", os.W_OK | os.X_OK, dir_fd=self.descriptor, effective_ids=effective)

    def open(self, name: str) -> int:
        """Return a descriptor to read a regular file from; never waits. Raise OSError, for all else too."""
        with naming(self._where, name):
            descriptor = os.open(name, _READ, dir_fd=self.descriptor)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise OSError(errno.EINVAL, "this is no regular file")
        return descriptor

    def read(self, name: str, most: int) -> bytes:
        """Return at most so many of the first bytes of a regular file. Raise OSError."""
        with os.fdopen(self.open(name), "rb") as file:
            return file.read(most)

    def sync_file(self, name: str) -> None:
        """Wait until the content of a regular file is on disk."""
        descriptor = self.open(name)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    # Changes

    def new(self, name: str, mode: int = 0o666) -> int:
        """Make a file that was not there, and return a descriptor to write to it and read from it."""
        with naming(self._where, name):
            return os.open(name, _NEW, mode, dir_fd=self.descriptor)

    def note(self, name: str) -> None:
        """Make an empty file: its name is what it says, and is on disk when later renames are."""
        os.close(self.new(name, 0o600))

    def lock_file(self, name: str) -> int:
        """Return a descriptor of a file to be locked, which nobody else may open; made where it is missing."""
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
        """Put `data` there whole, in place of what has the name. Raise OSError with nothing left behind.

        `durable` waits for the disk.
        """
        with self.writing(name, durable=durable) as file:
            file.write(data)

    @contextlib.contextmanager
    def writing(self, name: str, *, durable: bool = True, mode: int | None = None) -> Iterator[BinaryIO]:
        """Open a file to write to, piece by piece; at the end it has its name, whole, and is on disk if `durable`.

        Where the writing ends in an exception nothing is left behind, and what had the name keeps it.
        """
        temporary = random_name()
        try:
            with os.fdopen(self.new(temporary), "wb") as file:
                if mode is not None:
                    os.fchmod(file.fileno(), mode)
                yield file
                file.flush()
                if durable:
                    os.fsync(file.fileno())
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
        proc = os.open("/proc/self/fd", _LIST)
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

    def move_new(self, name: str, to: Folder, new: str) -> None:
        """Rename, but never over another file, and sync the folder that gains the entry. Raise FileExistsError.

        Where a crash came between its two steps, both names are one file: a repeat removes the first.
        """
        try:
            self.link(name, to, new)
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
        else:
            self.unlink(name)
        to.sync()

    def unlink(self, name: str) -> None:
        """Remove a file, if there is one; a link is removed, not what it leads to."""
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


def random_name() -> str:
    """Return a name for what is on its way: hidden, and not to be guessed."""
    return f".ocrspool-{secrets.token_hex(8)}"
