"""What can go wrong in a cluster, and what mends it: for tests/torture and benchmarks."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from support.cluster_lab import ClusterLab
from support.waiting import wait_until


def nothing(_lab: ClusterLab, _host: str) -> None:
    """It mends itself."""


@dataclass(frozen=True)
class Fault:
    """Something that happens to a host, or to what all hosts share."""

    name: str
    make: Callable[[ClusterLab, str], object]
    mend: Callable[[ClusterLab, str], object] = nothing
    stops_all: bool = False
    """Whether nothing can be read before it is mended."""


def _pull_plug(lab: ClusterLab, host: str) -> None:
    lab.lab("off", host)
    lab.processes.pop(host).wait(20)


def _plug_in(lab: ClusterLab, host: str) -> None:
    lab.lab("on", host)
    lab.start_node(host)


def _kill(processes: Callable[[], list[int]]) -> None:
    """Kill the first of these processes. One may have died of a page by then, and be about to be replaced."""
    pid = wait_until(processes)[0]
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


FAULTS = (
    Fault("host killed", _pull_plug, _plug_in),
    Fault(
        "cable out",
        lambda lab, host: lab.lab("link", host, "down"),
        lambda lab, host: lab.lab("link", host, "up"),
    ),
    Fault(
        "scheduler killed, started again",
        lambda lab, _: lab.end("scheduler", signal.SIGKILL),
        lambda lab, _: lab.start_scheduler(),
        stops_all=True,
    ),
    Fault(
        "agent halted",
        lambda lab, host: lab.send(host, signal.SIGSTOP),
        lambda lab, host: lab.send(host, signal.SIGCONT),
    ),
    Fault("engine killed", lambda lab, host: _kill(lambda: lab.workers(host))),
    Fault("bridge killed", lambda lab, _: _kill(lab.bridges)),
    Fault("node stopped and started", lambda lab, host: lab.end(host), lambda lab, host: lab.start_node(host)),
)
