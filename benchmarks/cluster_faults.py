"""What each fault of a cluster costs: lost, read twice, attempts, seconds. Needs root and OCRSPOOL_HOST_LAB.

Three hosts are namespaces of this machine: the service and the scheduler on one, a node on each of the others. Pages
take a fixed time. A fault happens while both nodes read. `until all are read` counts from the fault, and contains the
reading of what was left: 80 pages by one host would take 8 seconds. `until it reads again` counts from the mending.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from serving import machine, scratch
from support.cluster_lab import SPOOL, ClusterLab
from support.waiting import wait_until

A, B = "gpu1", "gpu2"
PAGES = 80
PAGE_MS = 100


def main() -> None:
    script = os.environ.get("OCRSPOOL_HOST_LAB") or sys.exit("OCRSPOOL_HOST_LAB should name host-lab")
    print(machine())
    with scratch() as folder:
        lab = ClusterLab(script, Path(folder), (SPOOL, A, B), PAGE_MS)
        try:
            lab.start_scheduler()
            for host in (A, B):
                lab.start_node(host)
            lab.start_service(cluster="least_hosts = 2")
            wait_until(lambda: lab.status().get("state") == "ready", 90)
            print("\n| fault | lost | delivered twice | attempts | until all are read, s | until it reads again, s |")
            print("|---|---|---|---|---|---|")
            for (name, (fault, mend)), first in zip(faults(lab).items(), itertools.count(0, 1000), strict=False):
                print(row(lab, name, fault, mend, range(first, first + PAGES)), flush=True)
        finally:
            lab.close()


def faults(lab: ClusterLab) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Return of each fault what makes it, and what mends it once all pages are read."""

    def nothing() -> None:
        """Do nothing."""

    def pull_plug() -> None:
        lab.lab("off", A)
        lab.processes.pop(A).wait(20)

    def plug_in() -> None:
        lab.lab("on", A)
        lab.start_node(A)

    def restart_scheduler() -> None:
        lab.end("scheduler", signal.SIGKILL)
        lab.start_scheduler()

    def restart_node() -> None:
        lab.end(A)
        lab.start_node(A)

    return {
        "none": (nothing, nothing),
        "host killed": (pull_plug, plug_in),
        "cable out": (lambda: lab.lab("link", A, "down"), lambda: lab.lab("link", A, "up")),
        "scheduler killed, started again": (restart_scheduler, nothing),
        "agent halted": (lambda: lab.send(A, signal.SIGSTOP), lambda: lab.send(A, signal.SIGCONT)),
        "engine killed": (lambda: os.kill(lab.workers(A)[0], signal.SIGKILL), nothing),
        "bridge killed": (lambda: os.kill(lab.bridges()[0], signal.SIGKILL), nothing),
        "node stopped and started": (restart_node, nothing),
    }


def row(lab: ClusterLab, name: str, fault: Callable[[], object], mend: Callable[[], object], numbers: range) -> str:
    for host in (A, B):
        lab.until_state(host, "in", 60)
    lab.drop(numbers)
    wait_until(lambda: lab.host(A).get("in_work"), 20)
    began = time.monotonic()
    fault()
    found = lab.results(numbers, 90)  # raises where one is lost, or there twice
    read = time.monotonic() - began
    began = time.monotonic()
    mend()
    lab.until_state(A, "in", 90)
    back = time.monotonic() - began
    attempts = sorted({each["run"]["attempts"] for each in found})
    return f"| {name} | 0 | 0 | {', '.join(map(str, attempts))} | {read:.1f} | {back:.1f} |"


if __name__ == "__main__":
    main()
