"""What each fault of a cluster costs: lost, read twice, attempts, seconds. Needs root and OCRSPOOL_HOST_LAB.

Three hosts are namespaces of this machine: the service and the scheduler on one, a node on each of the others. Pages
take a fixed time. A fault happens while both nodes read. `until all are read` counts from the fault, and contains the
reading of what was left: 80 pages by one host would take 8 seconds. `until it reads again` counts from the mending.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from pathlib import Path

from serving import machine, scratch
from support.cluster_faults import FAULTS, Fault, nothing
from support.cluster_lab import SPOOL, ClusterLab, cluster_up
from support.waiting import wait_until

A, B = "gpu1", "gpu2"
PAGES = 80
PAGE_MS = 100


def main() -> None:
    script = os.environ.get("OCRSPOOL_HOST_LAB") or sys.exit("OCRSPOOL_HOST_LAB should name host-lab")
    print(machine())
    with scratch() as folder, cluster_up(script, Path(folder), (SPOOL, A, B), PAGE_MS) as lab:
        lab.start_service(cluster="least_hosts = 2")
        wait_until(lambda: lab.status().get("state") == "ready", 90)
        print("\n| fault | lost | delivered twice | attempts | until all are read, s | until it reads again, s |")
        print("|---|---|---|---|---|---|")
        for fault, first in zip((Fault("none", nothing), *FAULTS), itertools.count(0, 1000), strict=False):
            print(row(lab, fault, range(first, first + PAGES)), flush=True)


def row(lab: ClusterLab, fault: Fault, numbers: range) -> str:
    for host in (A, B):
        lab.until_state(host, "in", 60)
    lab.drop(numbers)
    wait_until(lambda: lab.host(A).get("in_work"), 20)
    began = time.monotonic()
    fault.make(lab, A)
    if fault.stops_all:
        fault.mend(lab, A)
    found = lab.results(numbers, 90)  # raises where one is lost, or there twice
    read = time.monotonic() - began
    began = time.monotonic()
    if not fault.stops_all:
        fault.mend(lab, A)
    lab.until_state(A, "in", 90)
    back = time.monotonic() - began
    attempts = sorted({each["run"]["attempts"] for each in found})
    return f"| {fault.name} | 0 | 0 | {', '.join(map(str, attempts))} | {read:.1f} | {back:.1f} |"


if __name__ == "__main__":
    main()
