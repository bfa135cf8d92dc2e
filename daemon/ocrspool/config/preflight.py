"""Compare a valid configuration with the machine: folders, permissions, filesystems. It changes nothing."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

from ocrspool.config.schema import Config, Inbox
from ocrspool.errors import ConfigError
from ocrspool.files import mounts
from ocrspool.machine import accounts
from ocrspool.spool.layout import STATES

Places = Mapping[str, Path]
"""The folders of an inbox by the names of its states."""

_CGROUP = Path("/proc/self/cgroup")
_UNITS = ("ocrspool", "ocrspool-prebuild")
"""The units that use the folders: each has a sandbox of its own."""

_LOOK_SECONDS = 5.0
"""How long the disks of all inboxes have to answer."""


def problems(config: Config) -> list[str]:
    """Return every reason why the daemon could not do its work, each naming a key, a folder and what to do."""
    found = _overlaps(config, {name: really(inbox) for name, inbox in config.inbox.items()})
    for name, inbox in config.inbox.items():
        found += of_inbox(name, inbox)
        found += _commands(name, inbox)
    return found + _own_folders(config)


def nonsense(config: Config, spools: Mapping[str, Places]) -> list[str]:
    """Return those problems that are the configuration's own, whatever state the folders of the inboxes are in.

    `spools` has where the folders of each inbox are (see `really`), so that no disk of theirs is touched.
    """
    found = _overlaps(config, spools)
    for name, inbox in config.inbox.items():
        found += _commands(name, inbox)
    return found + _own_folders(config)


def refuse(config: Config) -> list[str]:
    """Raise ConfigError for what is wrong with a configuration itself, or where no inbox at all can be used.

    Where only some inboxes have folders that cannot be used, the others can serve: return why those cannot. A thread
    looks at each inbox, because a disk that does not answer would hold the caller; the folders of an inbox whose thread
    has not answered in time are compared by their names.
    """
    looks = {name: _Look(name, inbox) for name, inbox in config.inbox.items()}
    deadline = time.monotonic() + _LOOK_SECONDS
    for look in looks.values():
        look.ended.wait(max(0.0, deadline - time.monotonic()))
    spools = {name: look.places or as_written(config.inbox[name]) for name, look in looks.items()}
    unusable = [problem for look in looks.values() for problem in look.problems]
    problems = nonsense(config, spools)
    if problems or all(look.problems for look in looks.values()):
        raise ConfigError(problems + unusable)
    return unusable


class _Look:
    """One look at the folders of an inbox, by a thread of its own."""

    def __init__(self, name: str, inbox: Inbox) -> None:
        self._name = name
        self._inbox = inbox
        self.places: Places | None = None
        self.problems: list[str] = []
        self.ended = threading.Event()
        try:
            threading.Thread(target=self._look, name=f"look-{name}", daemon=True).start()
        except RuntimeError:  # there is no thread for it: the inbox finds out itself, when it begins
            self.ended.set()

    def _look(self) -> None:
        try:
            self.places = really(self._inbox)
            self.problems = of_inbox(self._name, self._inbox)
        except OSError as error:
            self.problems = [f"inbox.{self._name}: {error}"]
        finally:
            self.ended.set()


def of_inbox(name: str, inbox: Inbox) -> list[str]:
    """Return why nothing can be done in the folders of one inbox as they are now. Raise OSError."""
    return _folders(f"inbox.{name}", inbox)


def really(inbox: Inbox) -> Places:
    """Return where the folders of an inbox really are, by the names of the states: links are followed."""
    return {state: Path(os.path.realpath(folder)) for state, folder in inbox.folders().items()}


def as_written(inbox: Inbox) -> Places:
    """Return where the folders of an inbox are by their names alone. No disk is touched."""
    return {state: Path(os.path.normpath(folder)) for state, folder in inbox.folders().items()}


def _overlaps(config: Config, spools: Mapping[str, Places]) -> list[str]:
    """No folder of a spool may be or contain another: a result would be taken for a new file, without end."""
    places = [
        (f"inbox.{name}.{state}", folder) for name, folders in spools.items() for state, folder in folders.items()
    ]
    found = [
        f"{one} and {other} overlap ({first} and {second}): give each a folder of its own"
        for (one, first), (other, second) in combinations(places, 2)
        if first.is_relative_to(second) or second.is_relative_to(first)
    ]
    for key, folder in config.paths:
        found += [
            f"paths.{key}: {folder} lies in {state} ({place}): what is written there would be taken for files"
            for state, place in places
            if Path(os.path.realpath(folder)).is_relative_to(place)
        ]
    return found


def _folders(key: str, inbox: Inbox) -> list[str]:
    found: list[str] = []
    places: dict[str, tuple[int, str]] = {}
    for state, folder in inbox.folders().items():
        found += _writable(f"{key}.{state}", folder, inbox.root or folder)
        nearest = _existing(folder)
        # Two bind mounts of one filesystem (ReadWritePaths= makes them) are one device, and no rename crosses them.
        places[state] = (nearest.stat().st_dev, mounts.mount_point(nearest))
    for state in STATES:
        if state != "outbox" and places[state] != places["work"]:  # results can be copied; documents are moved
            found.append(
                f"{key}.{state}: {inbox.folder(state)} is on another filesystem or mount than work "
                f"({inbox.folder('work')}): files move by rename, which needs all folders but outbox on one"
            )
    return found


def _own_folders(config: Config) -> list[str]:
    return _writable("paths.cache", config.paths.cache) + _writable("paths.runtime", config.paths.runtime)


def _commands(name: str, inbox: Inbox) -> list[str]:
    return _command(f"inbox.{name}.on_done", inbox.on_done) + _command(f"inbox.{name}.on_failed", inbox.on_failed)


def _command(key: str, command: tuple[str, ...]) -> list[str]:
    if not command or shutil.which(command[0]):
        return []
    return [f"{key}: {command[0]!r} is no command that this user may run: name an executable file, best by its path"]


def _writable(key: str, folder: Path, base: Path | None = None) -> list[str]:
    """Return why nothing could be written to a folder. `base` is the folder to open for it in a sandbox."""
    nearest = _existing(folder)
    if not nearest.is_dir():
        return [f"{key}: {nearest} is not a folder"]
    if not os.access(nearest, os.R_OK | os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        doing = "use" if nearest == folder else f"create {folder} in"
        if mounts.read_only(nearest):
            why = _read_only(base or folder, _unit())
        else:
            why = f"user {accounts.user()} needs read, write and search permission"
        return [f"{key}: may not {doing} {nearest}: {why}"]
    return []


def _read_only(base: Path, unit: str) -> str:
    """Return what to do about a folder on a read-only mount: in a unit, that is its sandbox (ProtectSystem=strict)."""
    if not unit:
        return "its filesystem is mounted read-only; mount it for writing, or name another folder"
    first = "" if base.exists() else f"make {base} for the service's user, then "
    edits = " and ".join(f"`systemctl edit {each}`" for each in (_UNITS if unit in _UNITS else (unit,)))
    return (
        f"it is read-only in the sandbox of {unit}.service; {first}add the lines [Service] and ReadWritePaths={base} "
        f"by {edits}, and restart"
    )


def _unit(cgroup: Path = _CGROUP) -> str:
    """Return the name of the systemd service that this process belongs to, without ".service"; "" outside of any."""
    try:
        lines = cgroup.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    names = (line.rpartition("/")[2] for line in lines)
    return next((name.removesuffix(".service") for name in names if name.endswith(".service")), "")


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    while not os.path.exists(folder) and folder != folder.parent:  # noqa: PTH110 - False where we may not look
        folder = folder.parent
    return folder
