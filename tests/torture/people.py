"""Faults that people cause with what they put into the folders: closed folders, names that are taken, links."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from torture.disks import closed
from torture.faults import Fault
from torture.world import World

_NO_PLACE = frozenset({"no-place"})
_AHEAD = 12


def _closed_subfolder(world: World) -> None:
    """Close the folders of the outbox into which results of subfolders go; the others come meanwhile."""
    sub = world.at["outbox"] / "sub"
    sub.mkdir(exist_ok=True)
    with closed(sub):
        world.over()
        world.recovered()
        world.pause(0.5, 2.5)


def _names_taken(world: World) -> None:
    """Have folders where the next results and failed files want to be."""
    world.producer.pause()
    for name in world.producer.ahead(_AHEAD):
        for path in (world.at["outbox"] / f"{name}.json", world.at["failed"] / name):
            path.mkdir(parents=True)
    world.producer.go_on()
    world.over()
    world.recovered()
    world.pause(0.5, 2.5)


def _links(world: World) -> None:
    """Plant links to files of somebody else's, and start the service again: it follows none, and removes nothing."""
    keep = world.folder / "keep"
    shutil.rmtree(keep, ignore_errors=True)
    (keep / "folder").mkdir(parents=True)
    for number in range(3):
        (keep / f"{number}.json").write_text("of somebody else", "utf-8")
        (keep / f"folder/{number}").write_text("of somebody else", "utf-8")
    before = _state(keep)
    world.producer.pause()
    names = world.producer.ahead(_AHEAD)
    planted = {world.at["outbox"] / ".ocrspool": keep, world.at["work"] / "20260101T000000-11111111": keep / "folder"}
    for number, name in enumerate(names):
        somebodys = keep / f"{number % 3}.json"
        planted[world.at["outbox"] / f"{name}.json"] = somebodys
        planted[world.at["failed"] / name] = planted[world.at["failed"] / f"{name}.reason.json"] = somebodys
        planted[world.at["done"] / name] = keep / "nothing"
    for path, target in planted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
    world.producer.go_on()
    world.restart()
    world.recovered()
    world.pause(0.5, 2.5)
    world.producer.pause()
    world.idle()
    for path, target in planted.items():
        assert path.readlink() == target, f"{path} is not what it was"
        path.unlink()
    assert _state(keep) == before, "links were followed"
    world.producer.go_on()


def _state(folder: Path) -> dict[str, tuple[int, int, int, int]]:
    """Return all that is there: kind and mode, inode, size, time of change."""
    found = {os.fspath(path): path.lstat() for path in (folder, *folder.rglob("*"))}
    return {name: (each.st_mode, each.st_ino, each.st_size, each.st_mtime_ns) for name, each in found.items()}


FAULTS = [
    Fault("a subfolder of the outbox closed", _closed_subfolder, may_fail=_NO_PLACE),
    Fault("folders have the names of results", _names_taken, may_fail=_NO_PLACE, short=True),
    Fault("links planted, kill -9 of the service", _links, may_fail=_NO_PLACE, short=True, restarts=True),
]
