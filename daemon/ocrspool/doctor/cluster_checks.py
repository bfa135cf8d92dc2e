"""Checks of the cluster, if there is one: libraries, certificate, scheduler, hosts and the way to them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from importlib.util import find_spec
from pathlib import Path

from ocrspool.config.sections import Cluster
from ocrspool.doctor.findings import Finding, Level
from ocrspool.formatting import counted
from ocrspool.machine import installation

_SOON_DAYS = 60


def cluster(settings: Cluster) -> Iterator[Finding]:
    """Yield what is wrong with the cluster, and how each host is. Nothing where there is no cluster."""
    if not settings.scheduler:
        return
    if missing := [name for name in ("distributed", "cryptography") if find_spec(name) is None]:
        told = f"{' and '.join(missing)} {'are' if len(missing) > 1 else 'is'} not installed"
        yield Finding("cluster", "problem", "libraries", told, installation.find().add("cluster"))
        return
    if settings.certificate is not None:
        yield _certificate(settings.certificate)
    yield from _hosts(settings)


def _certificate(path: Path) -> Finding:
    from ocrspool.cluster.certificates import ends  # noqa: PLC0415 - its library is an extra

    try:
        end = ends(path)
    except ValueError as error:
        return Finding("cluster", "problem", "certificate", f"{path} is none: {error}", "ocrspool cluster certificates")
    days = (end - datetime.now(timezone.utc)).days
    told = f"{path} is valid until {end:%Y-%m-%d}"
    if days < _SOON_DAYS:
        level: Level = "problem" if days < 0 else "note"
        advice = "make another one for this host, copy it there and restart"
        return Finding("cluster", level, "certificate", f"{told}: {counted(max(days, 0), 'day')}", advice)
    return Finding("cluster", "ok", "certificate", told)


def _hosts(settings: Cluster) -> Iterator[Finding]:
    from ocrspool.cluster.api import ClusterError  # noqa: PLC0415 - see above
    from ocrspool.cluster.probe import probe  # noqa: PLC0415 - see above

    try:
        found = probe(settings)
    except ClusterError as error:
        advice = "start ocrspool-scheduler there, and let its port through the firewalls"
        yield Finding("cluster", "problem", "scheduler", f"{settings.scheduler} does not answer: {error}", advice)
        return
    told = f"{settings.scheduler} answers, {counted(len(found.hosts), 'host')}"
    enough = len(found.hosts) >= settings.least_hosts
    advice = "" if enough else f"the service waits for {settings.least_hosts}: start ocrspool-node on each"
    yield Finding("cluster", "ok" if enough else "problem", "scheduler", told, advice)
    if found.scheduler_other:
        advice = "install the same version on both: scripts/install of one checkout"
        told = f"{settings.scheduler} has another program: {found.scheduler_other}"
        yield Finding("cluster", "problem", "scheduler", told, advice)
    for host in found.hosts:
        name = f"host {host.name}"
        report = host.report
        if report is None:
            advice = "let its port through the firewalls, and look at the log of ocrspool-node there"
            yield Finding("cluster", "problem", name, f"{host.address} does not answer: {host.problem}", advice)
        elif host.other:
            advice = "install the same version on both: scripts/install of one checkout"
            yield Finding("cluster", "problem", name, f"{host.address} is refused: {host.other}", advice)
        else:
            carries = f"this way carries about {host.pages_per_second:.0f} pages/s of 6 MB, measured now"
            yield Finding("cluster", "ok", name, f"{host.address}, {counted(report.workers, 'worker')}; {carries}")
