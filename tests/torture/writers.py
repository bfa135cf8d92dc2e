"""Faults of those who drop files: they write slowly, hold files open, lock them, and leave odd things beside them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
from dataclasses import replace
from pathlib import Path

from support.waiting import wait_until
from torture.documents import Document
from torture.faults import Fault
from torture.world import World

_MOST = 4


def _whole_ones(world: World, count: int) -> list[Document]:
    """Return documents of the producer that are sound and of some length; the others it drops as ever."""
    return [document for document in world.producer.taken(count) if document.fate == "ok"]


def _held_open(world: World) -> None:
    """Write files in place with pauses, hold them open after the last byte, and close them at the end."""
    world.producer.pause()
    with contextlib.ExitStack() as opened:
        writers = []
        for document in _whole_ones(world, _MOST):
            path = world.spool / "inbox" / document.last
            writers.append((opened.enter_context(path.open("wb", buffering=0)), document))
            world.producer.dropped.append(replace(document, name=document.last))
        world.producer.go_on()
        for share in (0.3, 0.6, 1.0):
            for file, document in writers:
                file.write(document.data[file.tell() : int(len(document.data) * share)])
            world.pause(0.2, 1.5)
        world.pause(0.5, 2.0)


def _odd_neighbors(world: World) -> None:
    """Put pipes, sockets, devices, links and folders among the documents, and take locks and leases on these."""
    inbox = world.spool / "inbox"
    odd = [inbox / f"odd-{number}.png" for number in range(5)]
    os.mkfifo(odd[0])
    with contextlib.ExitStack() as held, socket.socket(socket.AF_UNIX) as listening:
        at = os.open(inbox, os.O_RDONLY)
        held.callback(os.close, at)
        listening.bind(f"/proc/self/fd/{at}/{odd[1].name}")  # the path of a socket is short
        odd[2].symlink_to("/etc/hostname")
        odd[3].symlink_to(odd[3].name)
        if os.geteuid() == 0:
            os.mknod(odd[4], stat.S_IFCHR | 0o666, os.makedev(1, 5))
        (inbox / "odd.png").mkdir()
        for _ in range(3):
            for path in list(inbox.iterdir()):
                _hold(path, held)
            world.pause(0.2, 0.8)
    world.over()
    for path in odd:
        path.unlink(missing_ok=True)
    (inbox / "odd.png").rmdir()
    failed = world.at["failed"]
    wait_until(lambda: not any((inbox / path.name).exists() for path in odd), 10)
    assert not any(path.name.startswith("odd") for path in failed.iterdir()), "an odd thing was claimed"


def _hold(path: Path, held: contextlib.ExitStack) -> None:
    """Lock a document, and take a lease on it, as Samba does."""
    with contextlib.suppress(OSError):
        if stat.S_ISREG(path.lstat().st_mode):
            file = held.enter_context(path.open("rb"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)


FAULTS = [
    Fault("writers hold files open, and pause", _held_open, short=True),
    Fault("odd things among the documents, locks and leases", _odd_neighbors, may_fail=frozenset({"not-a-file"})),
]
