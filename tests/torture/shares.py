"""Faults of a share under another inbox: reads that fail, handles that are stale, a server that dies or hangs.

The share is a FUSE filesystem that does as it is told: it polls, has no RENAME_NOREPLACE, and closes files late.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Callable, Iterator

from support.hanging_share import HangingShare
from torture.faults import Fault
from torture.second import Second, second_inbox
from torture.world import World


@contextlib.contextmanager
def _share(world: World, settings: str = "") -> Iterator[tuple[HangingShare, Second]]:
    """Have an inbox on a share, with documents in work. At the end all of them are read and judged."""
    share = HangingShare(world.folder / "second")
    try:
        with second_inbox(world, share, settings=settings) as second:
            second.busy()
            second.producer.pause()  # whether a call that failed has dropped something, nobody could tell
            yield share, second
            world.over()
            second.idle()
            second.judge()
    finally:
        for folder in (share.folder, share.folder.with_name("second.behind")):
            shutil.rmtree(folder, ignore_errors=True)


def _failing(what: str, code: int, every: int) -> Callable[[World], None]:
    def inject(world: World) -> None:
        with _share(world) as (share, second):
            second.producer.go_on()
            world.pause(0.0, 0.6)
            second.producer.pause()
            share.fail(what, code, every)
            world.pause(1.0, 4.0)
            share.thaw()

    return inject


def _dies(world: World) -> None:
    """End the server: every call fails with ENOTCONN until it is mounted again."""
    with _share(world) as (share, _):
        share.die()
        world.pause(0.5, 3.0)
        share.unmount()
        share.come_back()


def _hangs(world: World) -> None:
    """Answer nothing for a while: whoever asks waits in the kernel. The first inbox delivers meanwhile."""
    with _share(world) as (share, _):
        share.freeze()
        world.over()
        world.recovered()
        world.pause(1.0, 8.0)
        share.thaw()


def _silly(world: World) -> None:
    """Keep files that are removed while they are open, under another name in the same folder, as NFS clients do."""
    with _share(world) as (share, second):
        share.rename_sillily()
        second.producer.go_on()
        world.pause(1.0, 3.0)
        second.producer.pause()


FAULTS = [
    Fault("share: EIO on every read", _failing("read", errno.EIO, 1), frozenset({"fuse"}), short=True),
    Fault("share: EIO on one read in five", _failing("read", errno.EIO, 5), frozenset({"fuse"})),
    Fault("share: ESTALE on every call", _failing("all", errno.ESTALE, 1), frozenset({"fuse"})),
    Fault("share: ESTALE on one call in twenty", _failing("all", errno.ESTALE, 20), frozenset({"fuse"})),
    Fault("share: its server dies and comes back", _dies, frozenset({"fuse"})),
    Fault("share: its server hangs", _hangs, frozenset({"fuse"})),
    Fault("share: silly renames", _silly, frozenset({"fuse"})),
]
