"""What can go wrong in a cluster, and what mends it: for tests/torture and benchmarks."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from support.cluster_lab import ClusterLab


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
    Fault("engine killed", lambda lab, host: os.kill(lab.workers(host)[0], signal.SIGKILL)),
    Fault("bridge killed", lambda lab, _: os.kill(lab.bridges()[0], signal.SIGKILL)),
    Fault("node stopped and started", lambda lab, host: lab.end(host), lambda lab, host: lab.start_node(host)),
)
