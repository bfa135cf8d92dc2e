"""What whole files spare the network: pages a second and bytes on the wire. Needs root, host-lab and OCRSPOOL_CORPUS.

Two hosts are namespaces of this machine, the service and the scheduler are on a third, whose cable carries no more than
it is told to (tc-tbf(8)). The documents are receipts of the corpus. The reader is a stand-in that takes 64 ms for a
page. So the two hosts could read 31 pages a second; what decoding and the rest allow depends on the cores. The last
table is of one PDF with 100 pages, each with a receipt of the corpus at 150 dpi.

    scripts/bench cluster_files [RECEIPTS]

0 receipts: the PDF alone.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from serving import machine, named_corpus, scratch
from support.cluster_lab import SPOOL, ClusterLab, cluster_up
from support.waiting import wait_until

A, B = "gpu1", "gpu2"
PAGE_MS = 64
LONG_PAGES, LONG_SIZE = 100, (1240, 1754)
"""A4 at 150 dpi."""
LINKS = {"100 Mbit/s": "100mbit", "1 Gbit/s": "1gbit", "not limited": ""}
MODES = {"pages": "never", "whole files": "always", "auto": "auto"}


def main() -> None:
    script = os.environ.get("OCRSPOOL_HOST_LAB") or sys.exit("OCRSPOOL_HOST_LAB should name host-lab")
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    receipts = sorted((named_corpus() / "documents").glob("receipt-[0-9]*.jpg"))
    print(machine())
    head = (
        "\n| link | what travels | pages/s | MB on the wire | MB a page | files of all |\n|---|---|---:|---:|---:|---:|"
    )
    print(head)
    chosen = [receipts[number % len(receipts)] for number in range(count)]
    with scratch() as folder, cluster_up(script, Path(folder), (SPOOL, A, B), PAGE_MS) as lab:
        for link, rate in LINKS.items() if chosen else ():
            for mode, setting in MODES.items():
                lab.limit(SPOOL, rate)
                print(row(lab, link, mode, setting, chosen), flush=True)
        book = pdf_of(receipts, LONG_PAGES)
        print(f"\na PDF of {LONG_PAGES} pages, {len(book) / 1e6:.1f} MB\n{head}")
        lab.limit(SPOOL, "")
        for mode in ("pages", "whole files"):
            print(long_row(lab, mode, MODES[mode], book), flush=True)


def pdf_of(receipts: Sequence[Path], count: int) -> bytes:
    """Return a PDF with one receipt on each page."""
    pages = []
    for receipt in receipts:
        with Image.open(receipt) as image:
            image.draft("RGB", LONG_SIZE)
            pages.append(image.convert("RGB").resize(LONG_SIZE))
    chosen = [pages[number % len(pages)] for number in range(count)]
    made = io.BytesIO()
    chosen[0].save(made, "PDF", save_all=True, append_images=chosen[1:], resolution=150)
    return made.getvalue()


def long_row(lab: ClusterLab, mode: str, setting: str, book: bytes) -> str:
    """Read a long file in one way, with a service of its own."""
    name = f"{setting}-long"
    lab.start_service(name, cluster=f"least_hosts = 2\nfiles = '{setting}'")
    wait_until(lambda: lab.status(name).get("state") == "ready", 90)
    before = sent(lab)
    began = time.monotonic()
    lab.put("book.pdf", book, name)
    pages = len(lab.outcome("book.pdf", name, 600)["pages"])
    seconds = time.monotonic() - began
    wire = (sent(lab) - before) / 1e6
    wait_until(lambda: sum(each["pages"] for each in hosts(lab, name)) >= pages, 10)
    share = f"{sum(each['files'] for each in hosts(lab, name))} parts"
    lab.end(name)
    return f"| not limited | {mode} | {pages / seconds:.1f} | {wire:.1f} | {wire / pages:.2f} | {share} |"


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
