"""What is shown of the hosts of a cluster: in the log, in the status, and where there are too few of them."""

from __future__ import annotations

import logging

from ocrspool.config.sections import Cluster
from ocrspool.errors import EngineError, Exit
from ocrspool.formatting import counted
from ocrspool.observability.snapshot import HostStatus
from ocrspool.recognition.hosts.file_queue import FileTask
from ocrspool.recognition.hosts.roster import Host, Roster, Task

_log = logging.getLogger(__name__)


def shortage(roster: Roster, cluster: Cluster, scheduler_reason: str) -> str:
    """Return in words how many hosts there are, and what is known of the others.

    `scheduler_reason` says why the scheduler is away; "" while it answers.
    """
    told = f"{len(roster.admitted())} of {counted(cluster.least_hosts, 'host')}"
    if scheduler_reason:
        told += f"; the scheduler {cluster.scheduler} does not answer: {scheduler_reason}"
    others = [host for _, host in sorted(roster.hosts.items()) if host.state != "in"]
    return "; ".join([told, *(f"{host.name} ({host.address or 'away'}) {_standing(host)}" for host in others)])


def too_few(roster: Roster, cluster: Cluster, told: str) -> EngineError:
    """Return why the start ends; `told` is the shortage in words.

    If hosts are refused and nobody is missing, the configuration is at fault.
    """
    error = EngineError(
        f"too few hosts have joined in {cluster.start_seconds:g} s: {told}",
        "start ocrspool-scheduler and, on each host, ocrspool-node; `ocrspool doctor` examines the way to them",
    )
    if len(roster.admitted()) + len(roster.refused()) >= cluster.least_hosts:
        error.exit_code = Exit.CONFIG
        error.hint = "give all hosts the same version, models and precision, or lower cluster.least_hosts"
    return error


def tell(host: Host, *, files_wanted: bool = False) -> None:
    """Log that a host came, went or was refused; and why it gets no files, where these are wanted."""
    if host.state == "in" and host.report is not None:
        workers = counted(host.report.workers, "worker")
        _log.info("host %s (%s) reads now, with %s", host.name, host.address, workers, extra={"event": "host-in"})
        if files_wanted and host.no_files:
            _log.info("host %s gets pages, and no whole files: %s", host.name, host.no_files)
    elif host.state == "refused":
        _log.error("refused %s (%s): %s", host.name, host.address, host.reason, extra={"event": "host-refused"})
    else:
        _log.warning("host %s does not read: %s", host.name, host.reason, extra={"event": "host-out"})


def published(host: Host) -> HostStatus:
    """Return what a status shows of a host."""
    report = host.report
    engines = () if report is None else report.engines
    first = engines[0] if engines else {}
    return HostStatus(
        name=host.name,
        address=host.address,
        state=host.state,
        reason=host.reason,
        since=host.since,
        version="" if report is None else report.version,
        runtime=first.get("runtime", ""),
        precision=first.get("precision", ""),
        fingerprint=first.get("fingerprint", ""),
        devices=tuple(dict.fromkeys(str(facts.get("device", "")) for facts in engines)),
        workers=0 if report is None else report.workers,
        worker_restarts=0 if report is None else report.restarts,
        pages=host.pages,
        in_work=host.pages_in_work(),
        wire_seconds=host.wire_seconds,
        files=host.files,
        no_files=host.no_files,
        sent_bytes=host.sent_bytes,
        link_bytes_per_second=host.link,
        link_measured=host.link_measured,
    )


def counted_tasks(tasks: list[Task]) -> str:
    """Return how many pages and files these are, in words."""
    files = sum(isinstance(task, FileTask) for task in tasks)
    kinds = ((len(tasks) - files, "page"), (files, "file"))
    return " and ".join(counted(count, kind) for count, kind in kinds if count)


def _standing(host: Host) -> str:
    return f"is refused: {host.reason}" if host.state == "refused" else f"is {host.state}: {host.reason}"
