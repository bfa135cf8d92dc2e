"""Faults of the disk of another inbox: it freezes, or the power fails. The first inbox must not notice the former."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from support.filesystem_images import Disk, DiskWithCache, run
from support.waiting import wait_until
from torture.documents import Document
from torture.faults import Fault, Need
from torture.judge import kind_of
from torture.second import Second, names_in, second_inbox
from torture.world import World, files_below

SOON_SECONDS = 20.0
"""In which an inbox has to deliver while another one's disk hangs."""


def _frozen(world: World) -> None:
    """Freeze the disk of the second inbox while documents are in work there: the first one delivers meanwhile."""
    disk = Disk(world.folder / "second", "ext4")
    with second_inbox(world, disk) as second:
        second.busy()
        second.producer.pause()  # else its thread hangs in the kernel, too
        disk.freeze()
        _delivers_soon(world)
        world.pause(1.0, 8.0)
        _delivers_soon(world)
        disk.thaw()
        second.idle()
        second.judge()


def _delivers_soon(world: World) -> None:
    world.over()
    world.recovered(SOON_SECONDS)


def _power_cut(make: type[Disk], kind: str, *, syncs: bool) -> Callable[[World], None]:
    """Let the power fail under the second inbox, whose sender syncs or does not, and start again.

    What the consumer has seen the result of is acknowledged, and has to be whole; so has all that was synced. Of the
    rest nobody can ask that it is there.
    """

    def inject(world: World) -> None:
        disk = make(world.folder / "second", kind)
        with second_inbox(world, disk, syncs=syncs) as second:
            second.busy()
            for _ in range(world.random.randrange(3)):  # as the kernel does by itself, after 5 or 30 seconds
                world.pause(0.0, 0.5)
                run("sync", "--file-system", disk.folder)
            world.pause(0.0, 1.5)
            second.producer.pause()
            second.consumer.close()
            seen = second.consumer
            world.daemon.children()
            world.daemon.send(signal.SIGKILL)
            disk.cut()
            world.daemon.wait()
            wait_until(world.daemon.childless)
            disk.come_back()
            _note_what_is_left(world, second)
            claimed = names_in(second.at["work"])
            world.over()
            second.watch_again()
            world.daemon.start()
            before = list(second.producer.dropped)
            second.producer.go_on()
            wait_until(lambda: second.consumer.arrivals)
            second.idle()
            acknowledged = [document for document in before if f"{document.name}.json" in seen.versions]
            at_risk = [] if syncs else [document for document in before if document not in acknowledged]
            gone = [document for document in at_risk if _is_gone(second, document, claimed)]
            second.judge([document for document in second.producer.dropped if document not in gone])
            world.notes.append(f"{len(acknowledged)} acknowledged, {len(at_risk)} at risk, {len(gone)} gone")
            for name, digests in seen.versions.items():
                now = second.consumer.versions.get(name, digests)
                assert now == digests, f"{name} was delivered again after the cut, and differed"

    return inject


def _note_what_is_left(world: World, second: Second) -> None:
    """Write down which files a cut has left, with inodes, numbers of names and sizes: to be read if it went wrong."""
    spool = second.at["work"].parent
    found = [(path.lstat(), path.relative_to(spool)) for path in sorted(files_below(spool))]
    lines = [f"{stat.st_ino} {stat.st_nlink} {stat.st_size} {path}\n" for stat, path in found]
    number = sum(1 for _ in world.folder.glob("left-by-cut-*"))
    (world.folder / f"left-by-cut-{number}.txt").write_text("".join(lines), "utf-8", "surrogateescape")


def _is_gone(second: Second, document: Document, claimed: set[str]) -> bool:
    """Tell whether a document is nowhere whole any more. What is left of it is taken away, before the judge looks.

    If it had been claimed it has to be reported as lost, and not as anything else; and there is no result of it.
    """
    left = [path for state in ("outbox", "done", "failed") for path in _of(second, state, document)]
    if any(path.read_bytes() == document.data for path in left):
        return False
    reasons = [path for path in left if path.name.endswith(".reason.json")]
    kinds = {kind_of(path) for path in reasons}
    results = [path for path in left if document.sha256.encode() in path.read_bytes()]
    assert not results, f"{document.name} has a result, and is not whole: {left}"
    as_lost = kinds == {"lost-on-power-cut"}
    assert as_lost or document.last not in claimed, f"{document.name} was claimed, and failed as {kinds}"
    for path in left:
        path.unlink()
    return True


def _of(second: Second, state: str, document: Document) -> list[Path]:
    """Return the files that belong to a document: each document has a number of its own."""
    return [path for path in files_below(second.at[state]) if path.name.startswith(document.last.partition(".")[0])]


_CUTS: list[tuple[str, type[Disk], Need]] = [
    ("ext4", Disk, "ext4"),
    ("xfs", Disk, "xfs"),
    ("ext4 on a disk with a cache", DiskWithCache, "ext4"),
    ("xfs on a disk with a cache", DiskWithCache, "xfs"),
    ("btrfs on a disk with a cache", DiskWithCache, "btrfs"),
]

FAULTS = [
    Fault("disk of another inbox frozen", _frozen, frozenset({"ext4"})),
    *(
        Fault(
            f"power cut, {name}, senders {'sync' if syncs else 'do not sync'}",
            _power_cut(make, kind, syncs=syncs),
            frozenset({kind}),
            short=name == "ext4" and not syncs,
            restarts=True,
        )
        for name, make, kind in _CUTS
        for syncs in (True, False)
    ),
]
