"""Faults of what a machine has too little of: memory, threads, processes."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable

from support.process_table import lives
from support.waiting import wait_until
from torture import control_groups
from torture.faults import Fault
from torture.world import World

_LEAST_BYTES = 64 << 10
_KILLED_SECONDS = 10


def _killed_for_memory(which: Callable[[World], list[int]]) -> Callable[[World], None]:
    """Let the kernel kill a child of the service, because its control group has no memory left."""

    def inject(world: World) -> None:
        pid = world.random.choice(wait_until(lambda: which(world)))
        with control_groups.group("memory") as group:
            control_groups.limit(group, "memory.max", _LEAST_BYTES)
            control_groups.enter(group, pid)
            wait_until(lambda: not lives(pid), 30)
            world.over()

    return inject


def _service_killed_for_memory(world: World) -> None:
    """The same with the service itself; then it is started again, as systemd would.

    It notices that its group has no memory, claims nothing, and may live on what it has. Then it is killed by hand.
    """
    world.daemon.children()
    with control_groups.group("memory") as group:
        control_groups.limit(group, "memory.max", _LEAST_BYTES)
        control_groups.enter(group, world.daemon.pid)
        try:
            assert world.daemon.wait(_KILLED_SECONDS) == -signal.SIGKILL
        except subprocess.TimeoutExpired:
            world.daemon.send(signal.SIGKILL)
            world.daemon.wait(30)
    world.over()
    world.daemon.start()


def _no_threads(world: World) -> None:
    """Let no thread of the service begin."""
    world.control(no_threads=True)
    world.pause(0.5, 2.5)
    world.control()


def _no_processes(world: World) -> None:
    """Let the service begin neither threads nor processes, while it needs some."""
    with control_groups.group("pids") as group:
        control_groups.enter(group, world.daemon.pid)
        control_groups.limit(group, "pids.max", 1)
        for pid in (*world.daemon.decoders()[:1], *world.daemon.workers()[:1]):
            os.kill(pid, signal.SIGKILL)
        world.pause(0.5, 2.5)
        control_groups.limit(group, "pids.max", "max")
    world.over()


FAULTS = [
    Fault(
        "a worker is killed for memory (control group)",
        _killed_for_memory(lambda world: world.daemon.workers()),
        frozenset({"memory"}),
        short=True,
    ),
    Fault(
        "a decoder is killed for memory (control group)",
        _killed_for_memory(lambda world: world.daemon.decoders()),
        frozenset({"memory"}),
    ),
    Fault(
        "the service is killed for memory (control group)",
        _service_killed_for_memory,
        frozenset({"memory"}),
        restarts=True,
    ),
    Fault("no threads to be had", _no_threads, frozenset({"shim"}), short=True),
    Fault("no processes and no threads to be had (pids.max)", _no_processes, frozenset({"pids"})),
]
