"""Faults of what the kernel tells: events lost, no events at all, a clock that jumps."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from support.process_table import is_stopped
from support.waiting import wait_until
from torture.faults import Fault
from torture.world import World

_NO_WATCHES = 'echo 0 > /proc/sys/user/max_inotify_watches && exec "$@"'
"""The wrapper of the world is what is run: it must be the last to change who the process is."""
_HOUR = 3600


def _overflow(world: World) -> None:
    """More events than the kernel keeps, while the service is stopped; what is dropped after them has none."""
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text("ascii"))
    before = world.daemon.log().count("queue overflowed")
    world.daemon.send(signal.SIGSTOP)
    wait_until(lambda: is_stopped(world.daemon.pid))
    world.producer.pause()
    for number in range(most // 2 + 100):
        hidden = world.spool / "inbox" / f".{number % 2}"
        hidden.touch()
        hidden.unlink()
    for _ in range(5):
        world.producer.drop()
    world.producer.go_on()
    world.daemon.send(signal.SIGCONT)
    world.over()
    wait_until(lambda: world.daemon.log().count("queue overflowed") > before)


def _no_watches(world: World) -> None:
    """A service that the kernel allows no watch polls, and says so; then one as before."""
    before = world.daemon.wrapper
    world.daemon.wrapper = ("unshare", "--user", "--map-root-user", "sh", "-c", _NO_WATCHES, "sh", *before)
    world.restart()
    world.recovered()
    assert "is polled every 1 s: inotify watch limit reached" in world.daemon.log()
    world.daemon.wrapper = before
    world.restart()


def _clock(seconds: int) -> Callable[[World], None]:
    """Let the service's wall clock jump, and back: files keep the times that the kernel gives them."""

    def inject(world: World) -> None:
        world.control(seconds=seconds)
        world.pause(0.5, 2.5)
        world.control()

    return inject


def _odd_times(world: World) -> None:
    """Give files that wait times in the far past and in the future."""
    for path in list((world.spool / "inbox").iterdir()):
        at = world.random.choice((0.0, 4e9))
        if path.is_file():
            try:
                os.utime(path, (at, at))
            except OSError:  # claimed meanwhile
                continue


FAULTS = [
    Fault("inotify queue overflows", _overflow, short=True),
    Fault("no inotify watches to be had", _no_watches, frozenset({"namespaces"}), restarts=True),
    Fault("clock jumps an hour ahead, and back", _clock(_HOUR), frozenset({"shim"}), short=True),
    Fault("clock jumps an hour back, and ahead", _clock(-_HOUR), frozenset({"shim"})),
    Fault("files dated 1970 and 2096", _odd_times),
]
