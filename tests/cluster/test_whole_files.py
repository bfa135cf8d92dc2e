"""Whole files read at the far end: what comes out is what a service without a cluster makes of them.

The stand-in reads a digest of the pixels, so a page image that differs by a bit has another text.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support import sample_files
from support.cluster_lab import SPOOL, ClusterLab
from support.waiting import wait_until

LAB = os.environ.get("OCRSPOOL_HOST_LAB", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.root,
    pytest.mark.skipif(not LAB, reason="OCRSPOOL_HOST_LAB names no host-lab"),
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root"),
]
A, B = "gpu1", "gpu2"
LIMITS = "decoder_memory_mb = 256"
"""As little as decoders may have: `sample_files.deadly_pdf` is made for that."""
FILES = {
    "long.pdf": sample_files.pdf(40),
    "photograph.jpg": sample_files.jpeg(sample_files.words("A photograph")),
    "fax.tif": sample_files.tiff(*(sample_files.words(f"Page {n}") for n in range(3))),
    "damaged.tif": sample_files.damaged_page_tiff(),
    "fields.pdf": sample_files.pdf_form(),
    "locked.pdf": sample_files.encrypted_pdf(b"secret"),
    "unlocked.pdf": sample_files.encrypted_pdf(b""),
    "nonsense.pdf": b"%PDF-1.4\nno document at all\n",
    "deadly.pdf": sample_files.deadly_pdf(4, {2}),
    "only-deadly.pdf": sample_files.deadly_pdf(1, {1}),
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterLab]:
    """A service whose files travel to two hosts, and one without a cluster."""
    made = ClusterLab(LAB, tmp_path_factory.mktemp("cluster"), (SPOOL, A, B), limits=LIMITS)
    try:
        made.start_scheduler()
        made.start_node(A)
        made.start_node(B)
        made.start_service(cluster="least_hosts = 2\nfiles = 'always'")
        made.start_service("local", engine="", cluster=None)
        for name in ("service", "local"):
            wait_until(lambda: made.status(name).get("state") == "ready", 60)  # noqa: B023 - called at once
        yield made
    finally:
        made.close()


def comparable(found: dict[str, Any]) -> dict[str, Any]:
    """Return what does not say who has read a document, or when it came."""
    run = found.pop("run", {})
    for page in found.get("pages", ()):
        if page.get("read_by"):
            page["read_by"]["host"] = None
    if found.get("hint"):
        found["hint"] = re.sub(r" The file had not changed for [^.]+\.", "", found["hint"])
    return {
        **{name: found[name] for name in found if name not in {"job", "failed_at"}},
        "attempts": run.get("attempts"),
    }


def test_results_are_those_of_one_machine(lab: ClusterLab) -> None:
    """Text, sizes, warnings, lost pages, reasons of failures and attempts: all but the host and the times."""
    for service in ("service", "local"):
        for name, data in FILES.items():
            lab.put(name, data, service)
    there = {name: lab.outcome(name) for name in FILES}
    here = {name: lab.outcome(name, "local") for name in FILES}
    hosts = {name: {(page.get("read_by") or {}).get("host") for page in there[name].get("pages", ())} for name in FILES}
    for name in FILES:
        assert comparable(there[name]) == comparable(here[name]), name
    assert hosts["long.pdf"] <= {A, B}
    assert hosts["photograph.jpg"] < {A, B}
    statuses = [lab.host(host) for host in (A, B)]
    assert all(status["files"] and not status["no_files"] for status in statuses)
    # The pixels of the long document alone would be 40 pages of half a megabyte.
    assert sum(status["sent_bytes"] for status in statuses) < 5_000_000


def test_a_long_file_travels_once_to_each_host(lab: ClusterLab) -> None:
    """And not once for 16 pages: it has 100. Only a file whose host was lost, on a busy machine, travels again."""
    for attempt in range(3):
        before = lab.settled()["cluster"]
        book = sample_files.pdf(100, width=90 + attempt, height=40)
        lab.put(f"book-{attempt}.pdf", book)
        found = lab.outcome(f"book-{attempt}.pdf")
        after = lab.settled()["cluster"]
        assert [page["number"] for page in found["pages"]] == list(range(1, 101))
        if after["pages_moved"] == before["pages_moved"]:
            break
    assert after["pages_moved"] == before["pages_moved"]
    sent = sent_bytes(after) - sent_bytes(before)
    hosts = {page["read_by"]["host"] for page in found["pages"]}
    # A host that gets the file may come too late for a page of it.
    assert sent in {count * len(book) for count in range(len(hosts), 3)}


def sent_bytes(cluster: dict[str, Any]) -> int:
    """Return what has travelled to all hosts, by a status."""
    return sum(int(host["sent_bytes"]) for host in cluster["hosts"])


def test_a_link_that_becomes_slow_is_noticed(lab: ClusterLab) -> None:
    """By the files that travel: 4 Mbit/s are 0.5 MB a second, after a first MB at once. And status says when it was.

    Until what travelled before is forgotten, a busy machine may need some more files.
    """
    fast = [lab.host(host) for host in (A, B)]
    assert min(host["link_bytes_per_second"] for host in fast) > 4e6
    lab.limit(SPOOL, "4mbit")
    try:
        for first in (0, 4, 8):
            names = [f"noise-{number}.png" for number in range(first, first + 4)]
            for number, name in enumerate(names, first):
                lab.put(name, noise(number))
            used = {lab.outcome(name)["pages"][0]["read_by"]["host"] for name in names}
            slow = [lab.host(host) for host in used]
            if max(host["link_bytes_per_second"] for host in slow) < 3e6:
                break
        assert max(host["link_bytes_per_second"] for host in slow) < 3e6
    finally:
        lab.limit(SPOOL, "")
    assert min(host["link_measured"] for host in slow) > max(host["link_measured"] for host in fast)


def noise(number: int) -> bytes:
    """Return a page of which a PNG has 1.4 MB."""
    pixels = np.random.default_rng(1000 + number).integers(0, 255, (1200, 1200), dtype=np.uint8)
    return sample_files.png(Image.fromarray(pixels))


def test_a_host_is_killed_in_the_middle(lab: ClusterLab) -> None:
    """The other one reads its files. That costs no attempt, and nothing comes out twice."""
    names = [f"killed-{number}.pdf" for number in range(8)]
    for number, name in enumerate(names):
        lab.put(name, sample_files.pdf(6, width=300 + number))
    wait_until(lambda: lab.host(A).get("in_work", 0) > 0, 20)
    lab.lab("off", A)
    lab.processes.pop(A).wait(20)
    found = [lab.outcome(name) for name in names]
    assert {each["run"]["attempts"] for each in found} == {1}
    assert {page["read_by"]["host"] for each in found for page in each["pages"]} <= {A, B}
    outbox = os.listdir(lab.folder / "service" / "spool" / "outbox")  # noqa: PTH208 - names
    assert not any("~" in name for name in outbox)
    lab.lab("on", A)
    lab.start_node(A)
    lab.until_state(A, "in")


def test_a_host_with_other_limits_gets_pages(lab: ClusterLab) -> None:
    """It reads, and status says by name why it gets no files."""
    lab.end(A)
    lab.limits = "decoder_memory_mb = 300"
    lab.start_node(A)
    lab.until_state(A, "in")
    wait_until(lambda: lab.host(A)["no_files"] == "limits.decoder_memory_mb is 300, here 256", 20)
    assert "host gpu1 gets pages, and no whole files: limits.decoder_memory_mb is 300, here 256" in lab.log("service")
    files = lab.host(A)["files"]
    lab.put("other.pdf", sample_files.pdf(5))
    assert {page["read_by"]["host"] for page in lab.outcome("other.pdf")["pages"]} == {B}
    lab.end(B)
    lab.put("pages.pdf", sample_files.pdf(3, width=222))
    assert {page["read_by"]["host"] for page in lab.outcome("pages.pdf")["pages"]} == {A}
    assert lab.host(A)["files"] == files
    assert json.loads((lab.folder / "service" / "spool" / "outbox" / "pages.pdf.json").read_bytes())["status"] == "ok"
