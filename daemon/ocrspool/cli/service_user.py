"""The user that the service runs as: commands that look at its folders see them as that user does."""

from __future__ import annotations

import contextlib
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from ocrspool.config.schema import Config
from ocrspool.errors import Exit, OcrspoolError
from ocrspool.machine import accounts, units
from ocrspool.processes import owner


class WrongUserError(OcrspoolError):
    """Another user than the service's would find other things than the service does."""

    exit_code = Exit.NO_PERMISSION


@dataclass(frozen=True, slots=True)
class Account:
    """A user and its first group."""

    user: str
    uid: int
    group: str
    gid: int


def find(config: Config, unit: str = "") -> Account | None:
    """Return the user of the unit, or whom the cache belongs to; None where neither is there, or it is root."""
    found = units.look(unit) if unit else None
    return named(found.user if found is not None else "") or _owner_of(config.paths.cache)


def named(name: str) -> Account | None:
    """Return the account of a user; None where there is no such user."""
    with contextlib.suppress(KeyError):
        return _of(pwd.getpwnam(name)) if name else None
    return None


def become(account: Account | None) -> bool:
    """Be the service's user from now on, and return True. Raise WrongUserError for another user than that and root."""
    if account is None or account.uid == os.geteuid():
        return False
    if os.geteuid() != 0:
        raise WrongUserError(
            f"this is user {accounts.user()}, and the service is user {account.user}: they may do different things",
            f"run it by sudo, or as the service's user (sudo -u {account.user})",
        )
    owner.become(account.uid, account.gid)
    return True


def _owner_of(cache: Path) -> Account | None:
    with contextlib.suppress(OSError):
        found = cache.stat()
        if found.st_uid == 0:
            return None
        return named(accounts.user(found.st_uid)) or Account(
            accounts.user(found.st_uid), found.st_uid, accounts.group(found.st_gid), found.st_gid
        )
    return None


def _of(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, accounts.group(entry.pw_gid), entry.pw_gid)
