"""What whole files spare the network: pages a second and bytes on the wire. Needs root, host-lab and OCRSPOOL_CORPUS.

Two hosts are namespaces of this machine, the service and the scheduler are on a third, whose cable carries no more than
it is told to (tc-tbf(8)). The documents are receipts of the corpus. The reader is a stand-in that takes 64 ms for a
page. So the two hosts could read 31 pages a second; what decoding and the rest allow depends on the cores.

    scripts/bench cluster_files [RECEIPTS]
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from serving import machine, named_corpus, scratch
from support.cluster_lab import SPOOL, ClusterLab, cluster_up
from support.waiting import wait_until

A, B = "gpu1", "gpu2"
PAGE_MS = 64
LINKS = {"100 Mbit/s": "100mbit", "1 Gbit/s": "1gbit", "not limited": ""}
MODES = {"pages": "never", "whole files": "always", "auto": "auto"}


def main() -> None:
    script = os.environ.get("OCRSPOOL_HOST_LAB") or sys.exit("OCRSPOOL_HOST_LAB should name host-lab")
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    receipts = sorted((named_corpus() / "documents").glob("receipt-[0-9]*.jpg"))
    print(machine())
    print(
        "\n| link | what travels | pages/s | MB on the wire | MB a page | files of all |\n|---|---|---:|---:|---:|---:|"
    )
    chosen = [receipts[number % len(receipts)] for number in range(count)]
    with scratch() as folder, cluster_up(script, Path(folder), (SPOOL, A, B), PAGE_MS) as lab:
        for link, rate in LINKS.items():
            for mode, setting in MODES.items():
                lab.limit(SPOOL, rate)
                print(row(lab, link, mode, setting, chosen), flush=True)


def row(lab: ClusterLab, link: str, mode: str, setting: str, receipts: Sequence[Path]) -> str:
    """Read the receipts in one way, with a service of its own."""
    name = f"{setting}-{link}".replace("/", "-").replace(" ", "-")
    lab.start_service(name, cluster=f"least_hosts = 2\nfiles = '{setting}'")
    wait_until(lambda: lab.status(name).get("state") == "ready", 90)
    before = sent(lab)
    began = time.monotonic()
    for number, receipt in enumerate(receipts):
        lab.put(f"{number}.jpg", receipt.read_bytes(), name)
    for number in range(len(receipts)):
        lab.outcome(f"{number}.jpg", name, 300)
    seconds = time.monotonic() - began
    wire = (sent(lab) - before) / 1e6
    wait_until(lambda: sum(each["pages"] for each in hosts(lab, name)) >= len(receipts), 10)
    files = sum(each["files"] for each in hosts(lab, name))
    lab.end(name)
    pages = len(receipts)
    share = f"{files} of {pages}"
    return f"| {link} | {mode} | {pages / seconds:.1f} | {wire:.1f} | {wire / pages:.2f} | {share} |"


def hosts(lab: ClusterLab, name: str) -> list[dict[str, int]]:
    cluster = lab.status(name).get("cluster") or {"hosts": []}
    found: list[dict[str, int]] = cluster["hosts"]
    return found


def sent(lab: ClusterLab) -> int:
    """Return how many bytes the machine with the spool has sent."""
    said = lab.said(*lab.beside_spool(), "ip", "-j", "-s", "link").stdout
    (cable,) = [each for each in json.loads(said) if each["ifname"] != "lo"]
    return int(cable["stats64"]["tx"]["bytes"])


if __name__ == "__main__":
    main()
