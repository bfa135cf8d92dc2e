"""The folders of an inbox as root makes them for the service and for people: owners, modes, ACLs. By descriptors."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ocrspool.cli import service_user
from ocrspool.cli.service_user import Account
from ocrspool.config.schema import Config, Inbox
from ocrspool.errors import Exit, OcrspoolError
from ocrspool.files import acl, mounts, names
from ocrspool.files.folder import Folder
from ocrspool.files.walk import walk
from ocrspool.machine import units
from ocrspool.machine.units import Unit
from ocrspool.processes.owner import acting_as
from ocrspool.spool.layout import STATES
from ocrspool.spool.lock import LOCK

_USER = "ocrspool"
_MODES = {"inbox": 0o2770, "work": 0o2700, "outbox": 0o2770, "done": 0o2770, "failed": 0o2770}
"""As the folders of the default inbox have them: systemd/tmpfiles.conf."""
_ROOT_MODE = 0o2750
_OPEN_MODE = 0o2070
"""What the group needs of a folder, so that the service can take files out of it."""
_OF_THE_KERNEL = ("/proc", "/sys", "/dev", "/run")
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class CannotError(OcrspoolError):
    """What was asked for cannot be done here."""

    exit_code = Exit.CONFIG


def service(config: Config, unit: str) -> Account:
    """Return who the service is. Raise CannotError where nobody is."""
    found = service_user.find(config, unit) or service_user.named(_USER)
    if found is None:
        raise CannotError(f"there is no user {_USER} on this machine", "install the service first")
    return found


def refuse_unless_root() -> None:
    """Raise CannotError for all others: folders are given to the service, and units changed."""
    if os.geteuid() != 0:
        error = CannotError("this needs root", "run it by sudo; --dry-run shows what it would do")
        error.exit_code = Exit.NO_PERMISSION
        raise error


def in_the_way(root: Path, service: Account, unit_names: tuple[str, ...]) -> Iterator[str]:
    """Yield why no inbox can be in this place."""
    if any(character in "\"'\\" or not character.isprintable() for character in str(root)):
        yield f"{names.printable(str(root))}: a root without quotes, backslashes and control characters is needed"
        return
    if any(root.is_relative_to(place) for place in _OF_THE_KERNEL) or root == Path("/"):
        yield f"{root} is no place for documents: name one in /srv, for instance"
        return
    known = [units.look(name) or _as_shipped(name) for name in unit_names]
    unseen = {unit.access(root) for unit in known} & {"hidden", "private"}
    if unseen:
        setting = "ProtectHome=yes" if "hidden" in unseen else "PrivateTmp=yes"
        yield f"the service does not see {root} ({setting} in its unit): name a place in /srv, for instance"
        return
    nearest = next(folder for folder in (root, *root.parents) if os.path.lexists(folder))
    if not nearest.is_dir():
        yield f"{nearest} is not a folder"
    elif mounts.read_only(nearest):
        yield f"the filesystem of {nearest} is mounted read-only"
    else:
        yield from _not_for_the_service(root, nearest, service)


def missing(root: Path) -> list[Path]:
    """Return which of the folders of an inbox, and of those above it, are not there; the innermost first."""
    wanted = [*(root / state for state in STATES), root, *root.parents]
    return [folder for folder in wanted if not os.path.lexists(folder)]


def make(root: Path, service: Account) -> None:
    """Make the folders, or set owner, mode and ACL of those that are there. Raise OSError."""
    is_new = not root.exists()
    with Folder.made(root, 0o755) as folder:
        if is_new:
            _give(folder, service, _ROOT_MODE)
        for state, mode in _MODES.items():
            folder.make(state, 0o700)
            with folder.below(state) as made:
                if mode & stat.S_IRWXG:
                    acl.open_to_group(made.descriptor, service.gid)
                _give(made, service, mode)


def has_acls(folder: Path) -> bool:
    """Tell whether what is made in this folder gets its rights from it."""
    with Folder.at(folder) as opened:
        return acl.has_default(opened.descriptor)


def files_in(inbox: Inbox) -> int:
    """Return how many files there are in the folders of an inbox."""
    return sum(
        not entry.is_dir(follow_symlinks=False) and entry.name != LOCK
        for folder in inbox.folders().values()
        for _, _, entries in walk(folder)
        for entry in entries
    )


def remove_empty(inbox: Inbox, made: list[Path]) -> Iterator[str]:
    """Remove what was made with an inbox and is empty; yield what was removed and what stays, in words."""
    if _is_used(inbox.folder("work")):
        yield f"the folders stay: a service still works in {inbox.folder('work')}; remove them when it has ended"
        return
    with contextlib.suppress(OSError), Folder.at(inbox.folder("work")) as work:
        work.unlink(LOCK)
    for path in made:
        with contextlib.suppress(FileNotFoundError):
            try:
                with Folder.at(path.parent) as above:
                    above.remove_folder(path.name)
                yield f"done: remove {path}"
            except OSError as error:
                yield f"{path} stays: {(error.strerror or '').lower()}"
    if kept := files_in(inbox):
        yield f"files that stay: {kept}"


@dataclass
class Opening:
    """Lets the service take all that is in an inbox, and counts what had to be changed for that.

    People can put anything there while this works as root: links are not followed, files with two names may be
    somebody else's, and what lies on another filesystem does not belong to the inbox.
    """

    service: Account
    dry_run: bool
    folders: int = 0
    files: int = 0
    passed_over: list[str] = field(default_factory=list)

    def open(self, inbox: Path) -> None:
        """Set the group and the mode of all below it, and the ACL of folders. Raise OSError."""
        with Folder.at(inbox) as top:
            device = os.fstat(top.descriptor).st_dev
        for prefix, folder, entries in walk(inbox):
            if os.fstat(folder.descriptor).st_dev != device:
                self.passed_over.append(f"{names.printable(prefix)}: on another filesystem")
                continue
            self._open_folder(folder)
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    self._open_file(folder, entry.name, prefix)

    def _open_folder(self, folder: Folder) -> None:
        found = os.fstat(folder.descriptor)
        is_open = found.st_gid == self.service.gid and found.st_mode & _OPEN_MODE == _OPEN_MODE
        if is_open and acl.has_default(folder.descriptor):
            return
        self.folders += 1
        if not self.dry_run:
            acl.open_to_group(folder.descriptor, self.service.gid)
            os.fchown(folder.descriptor, -1, self.service.gid)
            os.fchmod(folder.descriptor, _OPEN_MODE | stat.S_IMODE(found.st_mode) & 0o707)

    def _open_file(self, folder: Folder, name: str, prefix: str) -> None:
        try:
            descriptor = os.open(name, _READ, dir_fd=folder.descriptor)
        except OSError:  # it has gone, or something else has its name
            return
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or (found.st_gid == self.service.gid and found.st_mode & stat.S_IRGRP):
                return
            if found.st_nlink > 1:
                self.passed_over.append(f"{names.printable(prefix + name)}: it has another name elsewhere")
                return
            self.files += 1
            if not self.dry_run:
                os.fchown(descriptor, -1, self.service.gid)
                os.fchmod(descriptor, stat.S_IMODE(found.st_mode) | stat.S_IRGRP | stat.S_IWGRP)
        finally:
            os.close(descriptor)


def _give(folder: Folder, service: Account, mode: int) -> None:
    os.fchown(folder.descriptor, service.uid, service.gid)
    os.fchmod(folder.descriptor, mode)


def _not_for_the_service(root: Path, nearest: Path, service: Account) -> Iterator[str]:
    """Yield what keeps the service from getting to a root, and others from being kept out of it."""
    found = nearest.stat()
    if nearest == root and found.st_mode & stat.S_IWOTH:
        yield f"everybody may write to {root}, and so replace the folders in it: chmod o-w {root}"
    for state in STATES if nearest == root else ():
        if (root / state).is_symlink():
            yield f"{root / state} is a link: an inbox needs folders of its own"
    if os.geteuid() != 0:  # to be found out by root only
        return
    with acting_as(service.uid, service.gid):
        # Without search permission above a folder, nothing below it is seen: name the outermost.
        for above in reversed((nearest, *nearest.parents)):
            if not os.access(above, os.X_OK, effective_ids=True):
                yield f"user {service.user} may not enter {above}: setfacl -m u:{service.user}:x {above}"
                return


def _as_shipped(name: str) -> Unit:
    """Return what is in the way of any place in a unit that systemd does not know yet."""
    return Unit(name, {"ProtectHome": "yes", "PrivateTmp": "yes"})


def _is_used(work: Path) -> bool:
    try:
        with Folder.at(work) as folder:
            descriptor = folder.open(LOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
