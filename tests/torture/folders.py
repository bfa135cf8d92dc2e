"""Faults of folders: deleted and made again, renamed away and back, unmounted and mounted."""

from __future__ import annotations

import contextlib
from pathlib import Path

from support.waiting import wait_until
from torture.faults import Fault
from torture.world import World


def _deleted(world: World) -> None:
    """Delete the inbox, which has to be empty for that, and make another one, unless a reload has made one."""
    inbox = world.spool / "inbox"
    world.producer.pause()
    wait_until(lambda: _remove(inbox), 60)
    world.producer.go_on()
    world.pause(0.2, 2.5)
    inbox.mkdir(exist_ok=True)


def _remove(inbox: Path) -> bool:
    with contextlib.suppress(OSError):
        for folder in sorted((path for path in inbox.rglob("*") if path.is_dir()), reverse=True):
            folder.rmdir()
        inbox.rmdir()
    return not inbox.exists()


def _renamed(world: World) -> None:
    """Rename the inbox away with all that is in it, and back."""
    inbox = world.spool / "inbox"
    away = world.spool / "away"
    inbox.rename(away)
    world.pause(0.2, 2.5)
    away.rename(inbox)


def _unmounted(world: World) -> None:
    """Take the whole spool away, jobs in work and all, and mount it again; files are dropped meanwhile."""
    world.unmount()
    world.pause(0.2, 2.5)
    world.mount()


FAULTS = [
    Fault("inbox deleted and made again", _deleted, short=True),
    Fault("inbox renamed away and back", _renamed),
    Fault("spool unmounted and mounted again", _unmounted, frozenset({"mounts"}), short=True),
]
