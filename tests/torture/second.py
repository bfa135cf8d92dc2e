"""A second inbox of the service, on a disk of its own, for as long as a fault lasts; and those who use it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from ocrspool.spool.layout import STATES
from support.waiting import wait_until
from torture.consumer import Consumer
from torture.documents import Document
from torture.judge import judge
from torture.producer import Producer
from torture.world import PATIENCE_SECONDS, World, files_below, inbox_table, until_idle

NAME = "second"


class OneDisk(Protocol):
    """A filesystem of its own."""

    folder: Path
    """Where it is mounted."""

    def thaw(self) -> None:
        """Let whoever waits for it go on."""

    def remove(self) -> None:
        """Take it away, whoever uses it."""


class Second:
    """Folders on a disk, somebody who drops documents there and somebody who takes the results."""

    def __init__(self, world: World, disk: OneDisk, *, syncs: bool) -> None:
        self.world = world
        self.at = {state: disk.folder / "spool" / state for state in STATES}
        outside = disk.folder / "outside"
        for folder in (*self.at.values(), outside):
            folder.mkdir(parents=True)
        os.sync()
        self.consumer = Consumer(self.at["outbox"])
        self.producer = Producer(
            self.at["inbox"], outside, world.random.randrange(1 << 32), syncs=syncs, stub=world.stub
        )

    def busy(self) -> None:
        """Have documents dropped until some have come out."""
        self.producer.go_on()
        wait_until(lambda: len(self.consumer.arrivals) >= 3, PATIENCE_SECONDS)

    def idle(self) -> None:
        """Wait until all that was dropped has come out."""
        self.producer.pause()
        until_idle(self.at)

    def watch_again(self) -> None:
        """Have another consumer, where the disk was away."""
        self.consumer = Consumer(self.at["outbox"])

    def judge(self, dropped: list[Document] | None = None) -> None:
        """Judge what came of all documents, or of these."""
        wanted = self.producer.dropped if dropped is None else dropped
        self.world.verdicts.append(judge(self.at, wanted, self.consumer, may_fail=frozenset(), inbox=NAME))

    def close(self) -> None:
        self.producer.close()
        self.consumer.close()


@contextlib.contextmanager
def second_inbox(world: World, disk: OneDisk, *, syncs: bool = False, settings: str = "") -> Iterator[Second]:
    """Have the service serve one more inbox, on this disk, by reload; and take it away again."""
    before = world.daemon.inboxes
    try:
        second = Second(world, disk, syncs=syncs)
        try:
            _serve(world, before + inbox_table(NAME, disk.folder / "spool") + settings)
            yield second
        finally:
            disk.thaw()
            second.close()
    finally:
        if world.daemon.runs():
            _serve(world, before)
        disk.remove()


def _serve(world: World, inboxes: str) -> None:
    world.daemon.inboxes = inboxes
    world.daemon.configure()
    said = world.daemon.said("READY=1")
    world.daemon.send(signal.SIGHUP)
    wait_until(lambda: world.daemon.said("READY=1") > said, PATIENCE_SECONDS)


def names_in(folder: Path) -> set[str]:
    """Return the names of all files below a folder."""
    return {path.name for path in files_below(folder)}
