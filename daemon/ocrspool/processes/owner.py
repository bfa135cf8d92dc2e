"""As whom a command acts: in a folder of another user, root acts as that user, who may do what is needed there."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from ocrspool.errors import Exit, OcrspoolError
from ocrspool.files.folder import Folder
from ocrspool.machine import accounts


class NotOursError(OcrspoolError):
    """The folder belongs to another user, who could not work with what we would make in it."""

    exit_code = Exit.NO_PERMISSION


@contextlib.contextmanager
def acting_as_owner(*folders: Path, lock: str = "") -> Iterator[None]:
    """Have the rights of the user whom a folder belongs to, and no others, until the end of this context.

    It is the first of the folders that is there. A file in it, `lock`, says so better: who works there has made it.
    For root only: another user goes on as who he is. What people have put into the folder can then lead a command to
    nothing that its owner could not reach. The rights are those of the process: for commands of one thread.
    Raise OSError where there is no such folder.
    """
    if os.geteuid() != 0:
        yield
        return
    found = _owner(folders, lock)
    if found.st_uid == 0:
        yield
        return
    with acting_as(found.st_uid, found.st_gid):
        yield


@contextlib.contextmanager
def acting_as(user: int, group: int) -> Iterator[None]:
    """Have the rights of a user, and no others, until the end of this context. For root only."""
    before = os.getgroups(), os.getegid()
    try:
        groups, first = _groups_of(user, group)
        os.setgroups(groups)
        os.setegid(first)
        os.seteuid(user)
        yield
    finally:
        os.seteuid(0)
        os.setegid(before[1])
        os.setgroups(before[0])


def become_owner(folder: Path) -> None:
    """Be the user whom a folder belongs to from now on, with all processes that are started. For root only.

    A folder that is not there, or that belongs to root, changes nothing.
    """
    if os.geteuid() != 0:
        return
    try:
        found = _owner((folder,), "")
    except FileNotFoundError:
        return
    if found.st_uid != 0:
        become(found.st_uid, found.st_gid)


def become(user: int, group: int) -> None:
    """Be this user from now on, with all processes that are started. For root only."""
    groups, first = _groups_of(user, group)
    os.setgroups(groups)
    os.setresgid(first, first, first)
    os.setresuid(user, user, user)


def refuse_if_foreign(folder: Path, lock: str = "") -> None:
    """Raise NotOursError where a folder belongs to another user than this process acts as. `lock` as above."""
    owner = _owner((folder,), lock).st_uid
    if owner != os.geteuid():
        raise NotOursError(
            f"{folder} is worked on by user {accounts.user(owner)}, and this is user {accounts.user()}",
            "do this as root, which then acts as that user, or as that user (sudo -u)",
        )


def _owner(folders: tuple[Path, ...], lock: str) -> os.stat_result:
    *better, last = folders
    for folder in better:
        with contextlib.suppress(FileNotFoundError):
            return _owner((folder,), lock)
    with Folder.at(last) as opened:
        return (opened.stat(lock) if lock else None) or os.fstat(opened.descriptor)


def _groups_of(user: int, group: int) -> tuple[list[int], int]:
    """Return the groups of a user, and the first of them; `group` alone for a user without a name."""
    try:
        entry = pwd.getpwuid(user)
    except KeyError:
        return [group], group
    return os.getgrouplist(entry.pw_name, entry.pw_gid), entry.pw_gid
