"""A look at a cluster from this machine, for `ocrspool doctor`: who answers, and how much the way carries."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from ocrspool.cluster.api import ClusterError
from ocrspool.cluster.dask.client import DaskCluster
from ocrspool.cluster.dask.options import VERSION
from ocrspool.config.sections import Cluster
from ocrspool.recognition.hosts.answers import HostReport, report_from_json
from ocrspool.recognition.hosts.program import code, other_dask, other_program

PAGE_BYTES = 6_000_000
"""A page of A4 at 200 dpi in grey has 3.9 million pixels, in color 11.6. Receipts have 6.1 on average."""
_SENT_TIMES = 5
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class HostProbe:
    """What a host answered."""

    name: str
    address: str
    report: HostReport | None = None
    pages_per_second: float = 0.0
    """How many pages of 6 MB the way to it carries, one after the other, up to now and with nothing else on it."""
    problem: str = ""
    """Why it did not answer."""
    other: str = ""
    """What it has installed otherwise than this machine."""


@dataclass(frozen=True, slots=True)
class ClusterProbe:
    """What the scheduler and the hosts answered."""

    hosts: tuple[HostProbe, ...]
    scheduler_other: str
    """What the scheduler has installed otherwise than this machine; "" if nothing is."""


def probe(settings: Cluster) -> ClusterProbe:
    """Ask the scheduler, then each host. Raise EngineError for wrong certificates, ClusterError for the scheduler."""
    return asyncio.run(_probe(settings))


async def _probe(settings: Cluster) -> ClusterProbe:
    cluster = DaskCluster(settings)
    await cluster.start()
    try:
        members = await cluster.members()
        other = other_dask(await cluster.scheduler_version(), VERSION)
        hosts = [await _host(cluster, name, address) for address, name in sorted(members.hosts.items())]
        return ClusterProbe(tuple(hosts), other)
    finally:
        await cluster.close()


async def _host(cluster: DaskCluster, name: str, address: str) -> HostProbe:
    try:
        report = report_from_json(await asyncio.wait_for(cluster.report(address), _SECONDS))
        pixels = memoryview(bytes(PAGE_BYTES))
        began = time.monotonic()
        for _ in range(_SENT_TIMES):
            await asyncio.wait_for(cluster.echo(address, pixels), _SECONDS)
    except (ClusterError, ValueError) as error:
        return HostProbe(name, address, problem=str(error))
    except asyncio.TimeoutError:
        return HostProbe(name, address, problem=f"no answer for {_SECONDS:g} s")
    carries = _SENT_TIMES / (time.monotonic() - began)
    return HostProbe(name, address, report, carries, other=other_program(report, code(), VERSION))
