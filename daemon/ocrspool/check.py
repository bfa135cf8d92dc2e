"""What a valid configuration meets in the real world: folders, permissions, filesystems. Changes nothing."""

from __future__ import annotations

import os
import shutil
from itertools import combinations
from pathlib import Path

from ocrspool import filesystems
from ocrspool.config import STATES, Config, Inbox


def problems(config: Config) -> list[str]:
    """Return every reason why the daemon could not do its work, each naming a key, a folder and what to do."""
    found = _overlaps(config)
    for name, inbox in config.inbox.items():
        found += _folders(f"inbox.{name}", inbox)
        found += _command(f"inbox.{name}.on_done", inbox.on_done)
        found += _command(f"inbox.{name}.on_failed", inbox.on_failed)
    found += _writable("paths.cache", config.paths.cache)
    found += _writable("paths.runtime", config.paths.runtime)
    return found


def _overlaps(config: Config) -> list[str]:
    """No folder of a spool may be or contain another: a result would be taken for a new file, without end."""
    places = [
        (f"inbox.{name}.{state}", Path(os.path.realpath(folder)))
        for name, inbox in config.inbox.items()
        for state, folder in inbox.folders().items()
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
        found += _writable(f"{key}.{state}", folder)
        nearest = _existing(folder)
        # Two bind mounts of one filesystem (ReadWritePaths= makes them) are one device, and no rename crosses them.
        places[state] = (nearest.stat().st_dev, filesystems.mount_point(nearest))
    for state in STATES:
        if state != "outbox" and places[state] != places["work"]:  # results can be copied; documents are moved
            found.append(
                f"{key}.{state}: {inbox.folder(state)} is on another filesystem or mount than work "
                f"({inbox.folder('work')}): files move by rename, which needs all folders but outbox on one"
            )
    return found


def _command(key: str, command: tuple[str, ...]) -> list[str]:
    if not command or shutil.which(command[0]):
        return []
    return [f"{key}: {command[0]!r} is no command that this user may run: name an executable file, best by its path"]


def _writable(key: str, folder: Path) -> list[str]:
    nearest = _existing(folder)
    if not nearest.is_dir():
        return [f"{key}: {nearest} is not a folder"]
    if not os.access(nearest, os.R_OK | os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        doing = "use" if nearest == folder else f"create {folder} in"
        return [f"{key}: may not {doing} {nearest}: user {os.geteuid()} needs read, write and search permission"]
    return []


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    while not os.path.exists(folder) and folder != folder.parent:  # noqa: PTH110 - False where we may not look
        folder = folder.parent
    return folder
