"""Faults of disks: full, read-only, forbidden, failing. They end, and the service goes on by itself."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from support.filesystem_images import Disk, run
from support.waiting import wait_until
from torture.faults import Fault
from torture.second import second_inbox
from torture.world import DISK, World


def _full(world: World) -> None:
    """Take every byte of the disk of the spool, in the middle of things, and give it back."""
    filler = world.disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for piece in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(piece))
    world.pause(0.5, 2.5)
    filler.unlink()


def _no_inodes(world: World) -> None:
    """Leave room for bytes and for no further file."""
    before = os.statvfs(world.disk).f_files
    wait_until(lambda: _remounted(world, os.statvfs(world.disk)), 10)
    world.pause(0.5, 2.5)
    run("mount", "-o", f"remount,size={DISK},nr_inodes={before}", world.disk)


def _remounted(world: World, found: os.statvfs_result) -> bool:
    """Allow as many files as there are; False where one more has been made meanwhile."""
    try:
        run("mount", "-o", f"remount,size={DISK},nr_inodes={found.f_files - found.f_ffree}", world.disk)
    except subprocess.CalledProcessError:
        return False
    return True


def _over_quota(world: World) -> None:
    """Let the disk of a second inbox take no byte more: a limit on its subvolume, which binds root too."""
    disk = Disk(world.folder / "second", "btrfs")
    run("btrfs", "quota", "enable", disk.folder)
    with second_inbox(world, disk) as second:
        second.busy()
        run("btrfs", "qgroup", "limit", "1M", disk.folder)
        world.pause(1.0, 3.0)
        run("btrfs", "qgroup", "limit", "none", disk.folder)
        world.over()
        second.idle()
        second.judge()


def _read_only(state: str) -> Callable[[World], None]:
    def inject(world: World) -> None:
        with world.read_only(world.seen[state]):
            world.pause(0.5, 2.5)

    return inject


def _cache_read_only(world: World) -> None:
    """A worker that has to be replaced meanwhile loads from there all the same."""
    with world.read_only(world.cache):
        for pid in world.daemon.workers():
            os.kill(pid, signal.SIGKILL)
        world.over()
        world.recovered()


def _forbidden(world: World) -> None:
    """Let nobody write to one of the folders, not root either."""
    with closed(world.at[world.random.choice(("outbox", "work", "done", "failed"))]):
        world.pause(0.5, 2.5)


@contextlib.contextmanager
def closed(folder: Path) -> Iterator[None]:
    """Let nobody write to a folder: by the immutable flag, which binds root too, or by its mode."""
    by_flag = os.geteuid() == 0
    run("chattr", "+i", folder) if by_flag else folder.chmod(0o500)
    try:
        yield
    finally:
        run("chattr", "-i", folder) if by_flag else folder.chmod(0o755)


def _failing(code: int, *states: str, reading: bool = False) -> Callable[[World], None]:
    """Let every call of the service fail that changes something there (or opens something, too)."""

    def inject(world: World) -> None:
        world.control(code, world.seen[world.random.choice(states)], reading=reading)
        try:
            world.pause(0.5, 2.5)
        finally:
            world.control()

    return inject


def _no_descriptors(world: World) -> None:
    """Let the service open nothing more, whatever it is."""
    pid = world.daemon.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (4, before[1]))
    try:
        world.pause(0.5, 2.5)
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


FAULTS = [
    Fault("disk of the spool full", _full, frozenset({"mounts"}), short=True),
    Fault("no inodes left on the disk of the spool", _no_inodes, frozenset({"mounts"}), short=True),
    Fault("quota of a second inbox used up (btrfs)", _over_quota, frozenset({"btrfs"})),
    Fault("EDQUOT on every change", _failing(errno.EDQUOT, "outbox", "work", "done", "failed"), frozenset({"shim"})),
    Fault("outbox read-only (mount)", _read_only("outbox"), frozenset({"mounts"})),
    Fault("work read-only (mount)", _read_only("work"), frozenset({"mounts"})),
    Fault("cache read-only, worker killed", _cache_read_only, frozenset({"mounts"})),
    Fault("a folder may not be written", _forbidden, short=True),
    Fault(
        "EIO on every change", _failing(errno.EIO, "outbox", "work", "done", "failed"), frozenset({"shim"}), short=True
    ),
    Fault("EROFS on every change", _failing(errno.EROFS, "outbox", "work", "done", "failed"), frozenset({"shim"})),
    Fault(
        "EMFILE on every open of the spool", _failing(errno.EMFILE, "work", "inbox", reading=True), frozenset({"shim"})
    ),
    Fault("no descriptors left (prlimit)", _no_descriptors, short=True),
]
