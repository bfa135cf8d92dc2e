"""Faults of a cluster, one after the other in an order that a seed decides: scripts/torture --cluster.

Hosts are namespaces of this machine, and workers are stubs that take a fixed time for a page. Each document has to come
out once, whole, with the text of its page. Among them are long ones, damaged ones, and ones that kill decoders or
workers (odd_files.py). They travel as whole files or as pixels: now and then the service is started again with another
way. What is asked of OCRSPOOL_HOST_LAB is in CONTRIBUTING.md.
"""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.cluster_faults import FAULTS
from support.cluster_lab import SPOOL, ClusterLab
from support.waiting import wait_until
from torture.odd_files import LIMITS, OddFiles

HOSTS = ("gpu1", "gpu2")
_PAGES = 30
_PAGE_MS = 100
_FILES = 6
"""At most so many odd files beside the pages."""
_RESTARTS = 0.2
FILES = ("always", "never", "auto")
_SECONDS = 180.0
"""Whatever happens, all is read and all hosts are back after so long."""


@dataclass(frozen=True)
class Limit:
    """How long: so many faults, or else so many minutes."""

    faults: int | None
    minutes: float


def campaign(script: str, folder: Path, seed: int, limit: Limit, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Return a row for each fault. It ends where a document is lost, wrong or there twice, and the last row says so."""
    made: Counter[str] = Counter()
    documents = 0
    problems: list[str] = []
    chance = random.Random(seed)
    lab = ClusterLab(script, folder, (SPOOL, *HOSTS), _PAGE_MS, limits=LIMITS)
    try:
        lab.start_scheduler()
        for host in HOSTS:
            lab.start_node(host)
        lab.start_service("local", engine="", cluster=None)
        wait_until(lambda: lab.status("local").get("state") == "ready", _SECONDS)
        odd = OddFiles(lab, chance, "local")
        lab.end("local")
        start_service(lab, chance.choice(FILES))
        end = time.monotonic() + 60 * limit.minutes
        for first in itertools.count(0, 1000):
            if made.total() >= limit.faults if limit.faults else time.monotonic() > end:
                break
            numbers = range(first, first + chance.randint(5, _PAGES))
            files = odd.drop(chance.randint(0, _FILES))
            documents += len(numbers) + len(files)
            tell(turn(lab, chance, numbers, made))
            odd.check(files, _SECONDS)
            if chance.random() < _RESTARTS:
                tell(restarted(lab, chance.choice(FILES)))
    except AssertionError as error:
        problems.append(f"{error}")
    finally:
        lab.close()
    counts = {"lost": 0, "duplicated": 0, "recovery_seconds": {}}
    rows = [
        {"fault": f"cluster: {name}", "times": times, "documents": 0, "corrupted": 0, "problems": [], **counts}
        for name, times in sorted(made.items())
    ]
    whole = {"fault": "cluster: all", "times": 0, "documents": documents, "corrupted": len(problems)}
    return [*rows, {**whole, "problems": problems, **counts}]


def start_service(lab: ClusterLab, files: str) -> None:
    """Start the service, and let files travel so."""
    lab.start_service(cluster=f"least_hosts = 2\nfiles = '{files}'")
    wait_until(lambda: lab.status().get("state") == "ready", _SECONDS)


def restarted(lab: ClusterLab, files: str) -> str:
    """Stop the service in good order, and start it with another way for files to travel."""
    assert lab.end("service") == 0, f"the service has ended badly\n{lab.log('service')[-3000:]}"
    start_service(lab, files)
    return f"the service was started again, with files = {files}"


def turn(lab: ClusterLab, chance: random.Random, numbers: range, made: Counter[str]) -> str:
    """Make one fault, or two at once, while pages are read; mend them before or after the rest is read."""
    faults = [(fault, chance.choice(HOSTS)) for fault in chance.sample(FAULTS, chance.choice((1, 1, 2)))]
    hosts = {host for _, host in faults}
    if len(faults) > len(hosts):  # one host cannot be killed and halted at once
        faults = faults[:1]
    mended_first = len(hosts) > 1 or any(fault.stops_all for fault, _ in faults) or chance.random() < 0.5
    lab.drop(numbers)
    wait_until(
        lambda: any(lab.host(host).get("in_work") for host in HOSTS) or not lab.status().get("waiting"), _SECONDS
    )
    for fault, host in faults:
        fault.make(lab, host)
        made[fault.name] += 1
    began = time.monotonic()
    if not mended_first:
        lab.results(numbers, _SECONDS)
    for fault, host in faults:
        fault.mend(lab, host)
    lab.results(numbers, _SECONDS)
    for host in HOSTS:
        lab.until_state(host, "in", _SECONDS)
    told = " and ".join(f"{fault.name} ({host})" for fault, host in faults)
    return f"{told}, mended {'at once' if mended_first else 'at the end'}: {time.monotonic() - began:.1f} s"
