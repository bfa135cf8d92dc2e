"""Compare a valid configuration with the machine: folders, permissions, filesystems. It changes nothing."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Collection, Mapping
from itertools import combinations
from pathlib import Path

from ocrspool.config.sandbox import read_only
from ocrspool.config.schema import Config, Inbox
from ocrspool.errors import ConfigError
from ocrspool.files import mounts
from ocrspool.files.answering import silent
from ocrspool.files.faults import in_words
from ocrspool.formatting import counted
from ocrspool.machine import accounts, units
from ocrspool.spool.layout import STATES

Places = Mapping[str, Path]
"""The folders of an inbox by the names of its states."""

_UNITS = ("ocrspool", "ocrspool-prebuild")
"""The units that use the folders: each has a sandbox of its own."""

_NO_FOLDER = "is not a folder"
"""Says enough by itself."""

_LOOK_SECONDS = 5.0
"""How long the disks of all inboxes have to answer."""


def hanging(config: Config) -> set[str]:
    """Return the names of the inboxes whose disks do not answer. For commands: a process is started for each."""
    return silent({name: [*inbox.folders().values()] for name, inbox in config.inbox.items()}, _LOOK_SECONDS)


def problems(config: Config, made: Collection[Path] = (), hangs: Collection[str] = ()) -> list[str]:
    """Return every reason why the daemon could not do its work, each naming a key, a folder and what to do.

    `made` are folders that somebody makes before the service starts: systemd, for its units. The folders of inboxes
    whose names are in `hangs` are not touched.
    """
    inboxes = config.inbox.items()
    spools = {name: as_written(inbox) if name in hangs else really(inbox) for name, inbox in inboxes}
    found = overlaps(config, spools)
    for name, inbox in inboxes:
        found += [_no_answer(name, inbox)] if name in hangs else of_inbox(name, inbox)
        found += _commands(name, inbox)
    return found + _own_folders(config, made)


def nonsense(config: Config, spools: Mapping[str, Places]) -> list[str]:
    """Return those problems that are the configuration's own, whatever state the folders of the inboxes are in.

    `spools` has where the folders of each inbox are (see `really`), so that no disk of theirs is touched.
    """
    found = overlaps(config, spools)
    for name, inbox in config.inbox.items():
        found += _commands(name, inbox)
    return found + _own_folders(config)


def refuse(config: Config, hangs: Collection[str] = ()) -> list[str]:
    """Raise ConfigError for what is wrong with a configuration itself, or where no inbox at all can be used.

    Where only some inboxes have folders that cannot be used, the others can serve: return why those cannot. A thread
    looks at each inbox, because a disk that does not answer would hold the caller; the folders of an inbox whose thread
    has not answered in time are compared by their names. Inboxes whose names are in `hangs` are not looked at.
    """
    looks = {name: _Look(name, inbox) for name, inbox in config.inbox.items() if name not in hangs}
    deadline = time.monotonic() + _LOOK_SECONDS
    for look in looks.values():
        look.ended.wait(max(0.0, deadline - time.monotonic()))
    spools = {name: as_written(inbox) for name, inbox in config.inbox.items()}
    spools |= {name: look.places for name, look in looks.items() if look.places is not None}
    unusable = [problem for look in looks.values() for problem in look.problems]
    unusable += [_no_answer(name, config.inbox[name]) for name in hangs]
    problems = nonsense(config, spools)
    if problems or (looks and all(look.problems for look in looks.values())):
        raise ConfigError(problems + unusable)
    return unusable


def _no_answer(name: str, inbox: Inbox) -> str:
    folder = inbox.root or inbox.folder("inbox")
    return f"inbox.{name}: the disk of {folder} does not answer; the inbox serves when it does"


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
            self.problems = [f"inbox.{self._name}: {in_words(error)}"]
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


def overlaps(config: Config, spools: Mapping[str, Places]) -> list[str]:
    """No folder of a spool may be or contain another: a result would be taken for a new file, without end."""
    places = [(name, state, folder) for name, folders in spools.items() for state, folder in folders.items()]
    pairs: dict[tuple[str, str], list[str]] = {}
    for (name, state, folder), (other, other_state, other_folder) in combinations(places, 2):
        if folder.is_relative_to(other_folder) or other_folder.is_relative_to(folder):
            pair = f"inbox.{name}.{state} and inbox.{other}.{other_state} overlap ({folder} and {other_folder})"
            pairs.setdefault((name, other), []).append(pair)
    found = [
        pair[0]
        + (f", and {counted(len(pair) - 1, 'more pair')} of these two" if name != other and len(pair) > 1 else "")
        + ": give each a folder of its own"
        for (name, other), listed in pairs.items()
        for pair in ([listed] if name != other else [[each] for each in listed])
    ]
    for key, folder in config.paths:
        found += [
            f"paths.{key}: {folder} lies in inbox.{name}.{state} ({place}): what is in there is taken for files"
            for name, state, place in places
            if Path(os.path.realpath(folder)).is_relative_to(place)
        ]
    return found


def _folders(key: str, inbox: Inbox) -> list[str]:
    denied: dict[str, str] = {}
    places: dict[str, tuple[int, str]] = {}
    for state, folder in inbox.folders().items():
        if why := _denied(folder, inbox.root or folder):
            denied[state] = why
        nearest = _existing(folder)
        # Two bind mounts of one filesystem (ReadWritePaths= makes them) are one device, and no rename crosses them.
        places[state] = (nearest.stat().st_dev, mounts.mount_point(nearest))
    found = _by_cause(key, inbox, denied)
    for state in STATES:
        if state != "outbox" and places[state] != places["work"]:  # results can be copied; documents are moved
            found.append(
                f"{key}.{state}: {inbox.folder(state)} is on another filesystem or mount than work "
                f"({inbox.folder('work')}): files move by rename, which needs all folders but outbox on one"
            )
    return found


def _by_cause(key: str, inbox: Inbox, denied: dict[str, str]) -> list[str]:
    """Return a line for each reason, with the folders that it is about."""
    found = []
    for why in dict.fromkeys(denied.values()):
        states = [state for state in denied if denied[state] == why]
        if len(states) == 1:
            found.append(f"{key}.{states[0]}: {_may_not_use(str(inbox.folder(states[0])), why)}")
        elif len(states) == len(STATES) and inbox.root is not None:
            found.append(f"{key}: {_may_not_use(f'the folders in {inbox.root}', why)}")
        else:
            found.append(f"{key}: {_may_not_use('its folders ' + ', '.join(states), why)}")
    return found


def _own_folders(config: Config, made: Collection[Path] = ()) -> list[str]:
    return [
        problem
        for key, folder in config.paths
        if folder not in made or folder.exists()
        for problem in _writable(f"paths.{key}", folder)
    ]


def _commands(name: str, inbox: Inbox) -> list[str]:
    return _command(f"inbox.{name}.on_done", inbox.on_done) + _command(f"inbox.{name}.on_failed", inbox.on_failed)


def _command(key: str, command: tuple[str, ...]) -> list[str]:
    if not command or shutil.which(command[0]):
        return []
    return [f"{key}: {command[0]!r} is no command that this user may run: name an executable file, best by its path"]


def _writable(key: str, folder: Path) -> list[str]:
    """Return why nothing could be written to a folder."""
    why = _denied(folder, folder)
    return [f"{key}: {_may_not_use(str(folder), why)}"] if why else []


def _may_not_use(what: str, why: str) -> str:
    return why if why.endswith(_NO_FOLDER) else f"may not use {what}: {why}"


def _denied(folder: Path, base: Path) -> str:
    """Return why nothing could be written to a folder; "" where it can. `base` is the folder to open in a sandbox."""
    nearest = _existing(folder)
    if not nearest.is_dir():
        return f"{nearest} {_NO_FOLDER}"
    if os.access(nearest, os.R_OK | os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        return ""
    if mounts.read_only(nearest):
        return _read_only(base, units.current())
    doing = "" if nearest == folder else ", to make what is missing there"
    return f"user {accounts.user()} needs read, write and search permission in {nearest}{doing}"


def _read_only(base: Path, unit: str) -> str:
    """Return what to do about a folder on a read-only mount: in a unit, that is its sandbox."""
    if not unit:
        return "its filesystem is mounted read-only; mount it for writing, or name another folder"
    return read_only(base, _UNITS if unit in _UNITS else (unit,), exists=base.exists())


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    while not os.path.exists(folder) and folder != folder.parent:  # noqa: PTH110 - False where we may not look
        folder = folder.parent
    return folder
