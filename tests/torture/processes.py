"""Faults of processes: killed, stopped for a while, hung for good, one too many."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable

from support.daemon_process import ocrspool
from support.process_table import ignores
from support.waiting import wait_until
from torture.faults import Fault
from torture.world import INBOX, SETTINGS, World

Which = Callable[[World], list[int]]

_TEMPORARY = 75
_LONG_SECONDS = (12.5, 14.0)
"""Longer than a page may take (world.SETTINGS)."""
_NOTICED_SECONDS = 60.0
"""The service notices after 12 s that a process hangs which has work (world.SETTINGS)."""


def _service(world: World) -> list[int]:
    return [world.daemon.pid]


def _workers(world: World) -> list[int]:
    return world.daemon.workers()


def _decoders(world: World) -> list[int]:
    return world.daemon.decoders()


def _one(world: World, which: Which) -> int:
    return world.random.choice(wait_until(lambda: which(world)))


def _kill(which: Which) -> Callable[[World], None]:
    def inject(world: World) -> None:
        os.kill(_one(world, which), signal.SIGKILL)

    return inject


def _stop(which: Which) -> Callable[[World], None]:
    def inject(world: World) -> None:
        pid = _one(world, which)
        os.kill(pid, signal.SIGSTOP)
        world.pause(0.2, 2.5)
        os.kill(pid, signal.SIGCONT)

    return inject


def _stop_all(world: World) -> None:
    """Stop all processes, as a pause of a container does, for longer than a page may take."""
    pids = [world.daemon.pid, *world.daemon.workers(), *world.daemon.decoders()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    world.pause(*_LONG_SECONDS)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


def _hang(which: Which) -> Callable[[World], None]:
    """Stop a process until the service ends it. It has tied its life to the service's before, and so it ends with it.

    One that had nothing to do meanwhile goes on: it would fail an innocent document in a later round.
    """

    def inject(world: World) -> None:
        pid = _one(world, lambda world: [pid for pid in which(world) if _is_tied(pid)])
        process = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(process, signal.SIGSTOP)
            if not _ends(process, _NOTICED_SECONDS):
                signal.pidfd_send_signal(process, signal.SIGCONT)
        finally:
            os.close(process)

    return inject


def _ends(process: int, seconds: float) -> bool:
    """Wait at most so long for a process, by its descriptor (pidfd_open(2)). Tell whether it has ended."""
    ended = select.poll()
    ended.register(process, select.POLLIN)
    return bool(ended.poll(seconds * 1000))


def _is_tied(pid: int) -> bool:
    """Whether a child has taken its first steps (ocrspool.processes.lifetime). The last one is to ignore SIGTERM."""
    return ignores(pid, signal.SIGTERM)


def _second_service(world: World) -> None:
    """Another daemon on the same spool refuses, and disturbs nobody."""
    folder = world.daemon.folder.with_name("rival")  # "second" is the folder of a second inbox
    folder.mkdir(exist_ok=True)
    inbox = INBOX.replace("'spool'", f"'{world.daemon.spool}'")
    (folder / "ocrspool.toml").write_text(
        f"[paths]\ncache = '{world.cache}'\nruntime = 'run'\n{inbox}{SETTINGS}", "utf-8"
    )
    ended = ocrspool("serve", "--config", folder / "ocrspool.toml", seconds=600)
    assert ended.returncode == _TEMPORARY, ended.stderr
    assert "another ocrspool is working on" in ended.stderr


FAULTS = [
    Fault("kill -9 of the service", World.restart, short=True, restarts=True),
    Fault("kill -9 of a worker", _kill(_workers), short=True),
    Fault("kill -9 of a decoder", _kill(_decoders)),
    Fault("SIGSTOP of the service, then SIGCONT", _stop(_service)),
    Fault("SIGSTOP of a worker, then SIGCONT", _stop(_workers)),
    Fault("SIGSTOP of a decoder, then SIGCONT", _stop(_decoders), short=True),
    Fault("SIGSTOP of all processes for long, then SIGCONT", _stop_all),
    Fault("a worker hangs for good", _hang(_workers)),
    Fault("a decoder hangs for good", _hang(_decoders), may_fail=frozenset({"timeout"})),
    Fault("a second service on the spool", _second_service, short=True),
]
