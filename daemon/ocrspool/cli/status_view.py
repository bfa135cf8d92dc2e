"""How `ocrspool status` looks to people. Names and reasons come from outside, so they are never treated as markup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ocrspool.cli.status_report import InboxFolders, StatusReport
from ocrspool.files import names
from ocrspool.formatting import counted, format_duration, format_remaining
from ocrspool.machine import accounts
from ocrspool.observability import inbox_summary
from ocrspool.observability.snapshot import ClusterStatus, Queue, StatusSnapshot
from ocrspool.results import engine_label

_FAILURES_SHOWN = 5
_JOBS_SHOWN = 10
_BAR_COLUMNS = 20
_COLORS = {"ready": "green", "degraded": "red", "stopping": "yellow"}


def show(console: Console, report: RenderableType) -> None:
    """Print without the blanks that tables put behind their last column."""
    with console.capture() as captured:
        console.print(report)
    console.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
    console.file.flush()


def view(report: StatusReport) -> RenderableType:
    """Return a report, to be printed."""
    service = report.service
    parts: list[RenderableType] = [_unseen(report.unseen) if report.unseen else _card(service, report.hangs)]
    if service and service.cluster:
        parts += [Text(), *_hosts(service.cluster, service.at)]
    if service and service.jobs:
        parts += [Text(), *_jobs(service)]
    parts += [Text(), _inboxes(report.inboxes)]
    told = {name for name, inbox in service.inboxes.items() if inbox.state == "hangs"} if service else set()
    parts += [
        _hanging("inbox", Text(f"{name}: the disk of {names.printable(inbox.folder)} does not answer"), "red")
        for name, inbox in report.inboxes.items()
        if inbox.hangs and name not in told
    ]
    parts += _unclaimable(report.inboxes)
    if failures := list(_failures(report.inboxes)):
        parts += [Text(), *failures]
    return Group(*parts)


def _unseen(published: str) -> RenderableType:
    """Return that this user cannot know whether a service runs, and who can."""
    return Text(
        f"service  not known: user {accounts.user()} may not read {published}\n"
        "         run this as root, as the service's user, or as a member of its group",
        style="yellow",
    )


def _card(service: StatusSnapshot | None, hangs: str) -> RenderableType:
    """Return what runs, with which engine, and how fast."""
    card = Table.grid(padding=(0, 2), pad_edge=False)
    card.add_column(style="bold")
    card.add_column(overflow="fold")
    if service is None:
        card.add_row("service", "not running")
        return card
    state = Text(service.state, style=_COLORS[service.state])
    card.add_row("service", state.append(_about(service), style="default"))
    if hangs:
        card.add_row("", Text(f"hangs: {hangs}; restart it", style="red"))
    for problem in _problems(service):
        card.add_row("", Text(problem, style="red"))
    if held := sum(queue.open for queue in service.queues.values()):
        files = counted(held, "file")
        card.add_row("", f"{files} still open for writing: waiting for the program that writes")
    for engine in service.reads_with:
        card.add_row("engine", engine_label.line(engine))
    if service.engine is not None:
        card.add_row("models", engine_label.models(service.engine.models))
        card.add_row("readers", engine_label.readers(service.engine.models))
        card.add_row("finders", engine_label.finders(service.engine.models))
    if service.workers:
        card.add_row("workers", f"{len(service.workers)}, {service.worker_restarts} replaced for a failure")
    if service.start:
        card.add_row("start", ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in service.start.items()))
    card.add_row("rate", _rate(service))
    if warnings := _warnings(service):
        card.add_row("warnings", warnings)
    return card


def _about(service: StatusSnapshot) -> str:
    since = "" if service.began is None else f", for {format_duration(service.at - service.began)}"
    return f", pid {service.pid}{since}, {service.in_work} in work"


def _problems(service: StatusSnapshot) -> Iterator[str]:
    """Yield what keeps files from being read as configured."""
    if service.lack:
        yield f"claims nothing: {service.lack}"
    if service.reload_refused:
        yield f"the last reload was refused: {names.printable(service.reload_refused)}"
    if service.cluster is not None and service.cluster.short:
        yield f"hosts are missing: {names.printable(service.cluster.short)}"
    for name, inbox in service.inboxes.items():
        if told := inbox_summary.line(inbox):
            yield f"inbox {name} {told}"


def _rate(service: StatusSnapshot) -> str:
    """Return the rates, and how long the files that wait take at that rate."""
    told = f"{service.pages_per_second:.1f} pages/s, {service.files_per_minute:.0f} files/min"
    if service.waiting and service.files_per_minute:
        seconds = 60 * (service.waiting + service.in_work) / service.files_per_minute
        told += f"; what waits takes about {format_duration(seconds)}"
    return told


def _warnings(service: StatusSnapshot) -> str:
    """Return how many documents have warnings, and of which codes; "" where none has."""
    counts = service.since_start.values()
    documents = sum(count.warned for count in counts)
    if not documents:
        return ""
    codes = sorted({code for count in counts for code in count.warnings})
    by_code = ", ".join(f"{code} {sum(count.warnings.get(code, 0) for count in counts)}" for code in codes)
    return f"{counted(documents, 'document')} since the start: {by_code}"


def _hosts(cluster: ClusterStatus, now: float) -> Iterator[RenderableType]:
    """Yield a line for each host of the cluster, and below it why it does not read, or gets pages only."""
    up = "answers" if cluster.up else f"does not answer: {names.printable(cluster.reason)}"
    yield Text(f"cluster  {cluster.scheduler} {up}", style="" if cluster.up else "red")
    if cluster.scheduler_other:
        told = f"the scheduler has another program: {cluster.scheduler_other}"
        yield _hanging("cluster", Text(names.printable(told)), "red")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("host", "state", "for", "engine"):
        table.add_column(column, overflow="fold")
    for column in ("workers", "replaced", "in work", "pages", "files", "sent MB", "wire ms"):
        table.add_column(column, justify="right", no_wrap=True)
    for host in cluster.hosts:
        wire = "" if host.wire_seconds is None else f"{1000 * host.wire_seconds:.0f}"
        engine = " ".join(filter(None, [host.runtime, host.precision, *host.devices]))
        sent = host.sent_bytes // 1_000_000
        numbers = (host.workers, host.worker_restarts, host.in_work, host.pages, host.files, sent, wire)
        texts = (host.name, host.state, format_duration(max(0.0, now - host.since)), engine)
        style = "" if host.state == "in" else "red"
        table.add_row(*(Text(names.printable(text), style=style) for text in texts), *map(str, numbers))
    if cluster.hosts:
        yield table
    links = [
        f"{host.name} {host.link_bytes_per_second / 1e6:.0f} MB/s, "
        f"measured {format_duration(max(0.0, now - host.link_measured))} ago"
        for host in cluster.hosts
        if host.link_measured
    ]
    if links:
        yield _hanging("links", Text(names.printable("; ".join(links))), "")
    for host in cluster.hosts:
        if host.reason:
            told = f"{host.name} ({host.address}): {host.reason}"
            yield _hanging("host", Text(names.printable(told)), "red")
        elif host.no_files:
            yield _hanging("host", Text(names.printable(f"{host.name} gets no whole files: {host.no_files}")), "")


def _jobs(service: StatusSnapshot) -> Iterator[RenderableType]:
    """Yield a line for each file in work: how far it is, and how long it will take at the same speed."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("in work", overflow="fold")
    table.add_column("pages", justify="right", no_wrap=True)
    table.add_column(no_wrap=True, width=_BAR_COLUMNS)
    table.add_column(no_wrap=True)
    for job in islice(service.jobs, _JOBS_SHOWN):
        name = Text(f"{job.inbox}/{names.printable(job.path)}")
        told = ""
        bar: RenderableType = ""
        if job.pages is not None:
            told = f"{job.read} of {job.pages}"
            bar = ProgressBar(total=job.pages, completed=job.read, width=_BAR_COLUMNS, complete_style="blue")
        table.add_row(name, told, bar, format_remaining(job, service.at))
    yield table
    if (more := len(service.jobs) - _JOBS_SHOWN) > 0:
        yield Text(f"and {more} more")


def _inboxes(inboxes: Mapping[str, InboxFolders]) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("inbox")
    for column in ("waiting", "work", "results", "done", "failed", "ignored"):
        table.add_column(column, justify="right")
    for name, inbox in inboxes.items():
        numbers = (inbox.inbox, inbox.work, inbox.results, inbox.done, inbox.failed, inbox.ignored)
        table.add_row(name, *("?" if number is None else str(number) for number in numbers))
    return table


def _unclaimable(inboxes: Mapping[str, InboxFolders]) -> Iterator[RenderableType]:
    """Yield which inboxes hold files that the service may not take, and why."""
    for name, inbox in inboxes.items():
        queue = Queue(unclaimable=inbox.unclaimable or 0, unclaimable_reason=inbox.unclaimable_reason)
        if told := inbox_summary.unclaimable(queue):
            yield _hanging("inbox", Text(f"{name}: {names.printable(told)}"), "red")


def _failures(inboxes: Mapping[str, InboxFolders]) -> Iterator[RenderableType]:
    """Yield the last failures of each inbox, with reason and advice."""
    for name, inbox in inboxes.items():
        for failure in inbox.failures[:_FAILURES_SHOWN]:
            reason = failure.reason
            why = names.printable(str(reason.get("message", "no reason file")))  # others may write these files
            yield _hanging("failed", Text(f"{name}/{names.printable(failure.path)}: {why}"), "red")
            if hint := reason.get("hint"):
                yield _hanging(" " * len("failed"), Text(names.printable(str(hint))), "")
        if (more := len(inbox.failures) - _FAILURES_SHOWN) > 0:
            yield Text(f"       and {more} more; `ocrspool status --json` names them all")


def _hanging(head: str, text: Text, style: str) -> RenderableType:
    """Return a line of which only the first part begins at the left edge, however often it is wrapped."""
    line = Table.grid(padding=(0, 1, 0, 0))
    line.add_column(no_wrap=True, style=style)
    line.add_column(overflow="fold", style=style)
    line.add_row(head, text)
    return line
