"""Open a folder or a file by the path in the configuration or on the command line, one step at a time.

Links that the administrator has made are followed. A link that another person can have put there is not followed,
because it would lead the service to files that this person may not touch.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections import deque
from collections.abc import Iterator

_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_MOST_LINKS = 40
"""On the way of one path, as in Linux (path_resolution(7))."""

_known: dict[str, tuple[int, int]] = {}
"""Path → the folder (device, inode) that a careful walk found there. The next time one call is enough."""


def open_folder(path: str) -> int:
    """Return a descriptor of the folder, to list it and to work below it. Raise OSError; a refused link is ELOOP."""
    return _opened(path)[0]


def _opened(path: str) -> tuple[int, os.stat_result]:
    """Return a descriptor of the folder, and what fstat(2) says of it."""
    with naming(path):
        if path in _known:
            descriptor = os.open(path, _LIST)
            found = os.fstat(descriptor)
            if (found.st_dev, found.st_ino) == _known[path]:
                return descriptor, found
            os.close(descriptor)
        with _walked(path) as at:
            descriptor = os.open(".", _LIST, dir_fd=at)
        found = os.fstat(descriptor)
        _known[path] = found.st_dev, found.st_ino
        return descriptor, found


def open_file(path: str, flags: int) -> int:
    """Return a descriptor of a file, which is no link and is reached through none that is refused. Raise OSError."""
    above, _, last = path.rpartition("/")
    flags |= os.O_NOFOLLOW | os.O_CLOEXEC
    with naming(path):
        if (known := _known_above(above)) and (descriptor := _opened_below(known, path, flags)) is not None:
            return descriptor
        with _walked(above or ("/" if path.startswith("/") else ".")) as at:
            return os.open(last, flags, dir_fd=at)


def _known_above(path: str) -> str:
    """Return the longest part of a path that is known: of the path of a job, work/. "" where there is none."""
    while path and path not in _known:
        path = path.rpartition("/")[0]
    return path


def _opened_below(known: str, path: str, flags: int) -> int | None:
    """Return a descriptor of a file below a folder that is known. None where a careful walk has to say what it is."""
    at, found = _opened(known)
    *folders, last = filter(None, path[len(known) :].split("/"))
    if _is_ours_alone(found):  # as work/ is: nobody else can have put a link there
        folders, last = [], "/".join((*folders, last))
    try:
        for part in folders:
            try:
                below = os.open(part, _STEP, dir_fd=at)
            except OSError:
                return None
            os.close(at)
            at = below
        return os.open(last, flags, dir_fd=at)
    finally:
        os.close(at)


def _is_ours_alone(folder: os.stat_result) -> bool:
    """Tell whether only this user and root can enter a folder."""
    return folder.st_uid == os.geteuid() and not folder.st_mode & (stat.S_IRWXG | stat.S_IRWXO)


class naming:  # noqa: N801 - used like contextlib.suppress, and made for each call: a generator costs ten times as much
    """Have an OSError name the whole path: a call on a descriptor knows the last part only."""

    __slots__ = ("_above", "_name")

    def __init__(self, above: str, name: str = "") -> None:
        self._above = above
        self._name = name

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Name the path."""
        if isinstance(error, OSError):
            error.filename = f"{self._above}/{self._name}" if self._name else self._above
            if error.filename2 is not None:
                del error.filename2  # of a rename; None would be printed


@contextlib.contextmanager
def _walked(path: str) -> Iterator[int]:
    at = os.open("/" if path.startswith("/") else ".", _STEP)
    parts = deque(path.split("/"))
    trusted, links = True, 0
    try:
        while parts:
            part = parts.popleft()
            if part in {"", "."}:
                continue
            try:
                below = os.open(part, _STEP, dir_fd=at)
            except OSError as error:
                if error.errno not in {errno.ENOTDIR, errno.ELOOP}:
                    raise
                links += 1
                target = _followed(at, part, error, trusted=trusted and links <= _MOST_LINKS)
                parts.extendleft(reversed(target.split("/")))
                if not target.startswith("/"):
                    continue
                below = os.open("/", _STEP)
            else:
                trusted = trusted and _may_be_trusted(os.fstat(at), os.fstat(below))
            os.close(at)
            at = below
        yield at
    finally:
        os.close(at)


def _followed(folder: int, name: str, error: OSError, *, trusted: bool) -> str:
    """Return where a link leads. Raise OSError for what is no link, or is one that others can have put there."""
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISLNK(found.st_mode):
        raise error
    if not trusted or not _may_be_trusted(os.fstat(folder), found):
        raise OSError(errno.ELOOP, "a link that another user has put there is not followed")
    return os.readlink(name, dir_fd=folder)


def _may_be_trusted(folder: os.stat_result, entry: os.stat_result) -> bool:
    """Tell whether only root, this user or the folder's owner can have put the entry there."""
    others_write = folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return not others_write or entry.st_uid in {0, os.geteuid(), folder.st_uid}
