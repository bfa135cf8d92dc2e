"""How `ocrspool status` looks to people. Names and reasons come from outside, so they are never treated as markup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ocrspool.files import names
from ocrspool.formatting import format_duration, format_remaining
from ocrspool.machine import accounts
from ocrspool.observability import inbox_summary
from ocrspool.results import engine_label
from ocrspool.spool.layout import STATES

_FAILURES_SHOWN = 5
_JOBS_SHOWN = 10
_BAR_COLUMNS = 20
_COLORS = {"ready": "green", "degraded": "red", "stopping": "yellow"}


def view(facts: Mapping[str, Any]) -> RenderableType:
    """Return what `collect` has found, to be printed."""
    service = facts["service"]
    parts: list[RenderableType] = [_unseen(facts["unseen"]) if facts.get("unseen") else _card(service)]
    if service and service.get("jobs"):
        parts += [Text(), *_jobs(service)]
    parts += [Text(), _inboxes(facts["inboxes"])]
    if failures := list(_failures(facts["inboxes"])):
        parts += [Text(), *failures]
    return Group(*parts)


def _unseen(published: str) -> RenderableType:
    """Return that this user cannot know whether a service runs, and who can."""
    return Text(
        f"service  not known: user {accounts.user()} may not read {published}\n"
        "         run this as root, as the service's user, or as a member of its group",
        style="yellow",
    )


def _card(service: Mapping[str, Any] | None) -> RenderableType:
    """Return what runs, with which engine, and how fast."""
    card = Table.grid(padding=(0, 2), pad_edge=False)
    card.add_column(style="bold")
    card.add_column(overflow="fold")
    if service is None:
        card.add_row("service", "not running")
        return card
    state = service["state"]
    told = Text(state, style=_COLORS.get(state, ""))
    card.add_row("service", told.append(_about(service), style="default"))
    if lack := service.get("lack"):
        card.add_row("", Text(f"claims nothing: {lack}", style="red"))
    if refused := service.get("reload_refused"):
        card.add_row("", Text(f"the last reload was refused: {names.printable(refused)}", style="red"))
    for waits in _waits(service):
        card.add_row("", waits)
    if engine := service["engine"]:
        for each in service.get("engines") or [engine]:
            card.add_row("engine", engine_label.line(each))
        card.add_row("models", engine_label.models(engine))
    if "workers" in service:
        card.add_row("workers", f"{len(service['workers'])}, {service['worker_restarts']} replaced for a failure")
    if start := service.get("start"):
        card.add_row("start", ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in start.items()))
    card.add_row("rate", _rate(service))
    if warnings := _warnings(service):
        card.add_row("warnings", warnings)
    return card


def _about(service: Mapping[str, Any]) -> str:
    since = f", for {format_duration(service['at'] - service['began'])}" if "began" in service else ""
    return f", pid {service['pid']}{since}, {service['in_work']} in work"


def _rate(service: Mapping[str, Any]) -> str:
    """Return the rates, and when at that rate nothing waits any more."""
    pages, files = f"{service['pages_per_second']:.1f} pages/s", service.get("files_per_minute", 0.0)
    told = f"{pages}, {files:.0f} files/min"
    waiting = service.get("waiting", 0)
    if waiting and files:
        told += f"; what waits takes about {format_duration(60 * (waiting + service['in_work']) / files)}"
    return told


def _waits(service: Mapping[str, Any]) -> Iterator[Text]:
    """Yield what waits for others: files for the programs that write them, inboxes for their folders or disks."""
    if held := sum(queue.get("open", 0) for queue in service.get("queues", {}).values()):
        yield Text(f"{held} file{'s' * (held > 1)} still open for writing: waiting for the program that writes")
    for name, inbox in service.get("inboxes", {}).items():
        if told := inbox_summary.line(inbox):
            yield Text(f"inbox {name} {told}", style="red")


def _warnings(service: Mapping[str, Any]) -> str:
    """Return how many documents have warnings, and of which codes; "" where none has."""
    counts = service.get("since_start", {}).values()
    documents = sum(count.get("warned", 0) for count in counts)
    codes = sorted({code for count in counts for code in count.get("warnings", ())})
    if not documents:
        return ""
    by_code = ", ".join(f"{code} {sum(count.get('warnings', {}).get(code, 0) for count in counts)}" for code in codes)
    return f"{documents} document{'s' * (documents > 1)} since the start: {by_code}"


def _jobs(service: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Yield a line for each file in work: how far it is, and how long it will take if it goes on so."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("in work", overflow="fold")
    table.add_column("pages", justify="right", no_wrap=True)
    table.add_column(no_wrap=True, width=_BAR_COLUMNS)
    table.add_column(no_wrap=True)
    for job in islice(service["jobs"], _JOBS_SHOWN):
        name = Text(f"{job['inbox']}/{names.printable(job['path'])}")
        told = ""
        bar: RenderableType = ""
        if job["pages"] is not None:
            told = f"{job['read']} of {job['pages']}"
            bar = ProgressBar(total=job["pages"], completed=job["read"], width=_BAR_COLUMNS, complete_style="blue")
        table.add_row(name, told, bar, format_remaining(job, service["at"]))
    yield table
    if (more := len(service["jobs"]) - _JOBS_SHOWN) > 0:
        yield Text(f"and {more} more")


def _inboxes(inboxes: Mapping[str, Any]) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("inbox")
    for column in ("waiting", "work", "outbox", "done", "failed"):
        table.add_column(column, justify="right")
    for name, inbox in inboxes.items():
        table.add_row(name, *("?" if inbox[state] is None else str(inbox[state]) for state in STATES))
    return table


def _failures(inboxes: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Yield the last failures of each inbox, with reason and advice."""
    for name, inbox in inboxes.items():
        failures: Sequence[Mapping[str, Any]] = inbox["failures"]
        for failure in failures[:_FAILURES_SHOWN]:
            reason = failure["reason"]
            why = names.printable(str(reason.get("message", "no reason file")))  # others may write these files
            yield Text(f"failed {name}/{names.printable(failure['path'])}: {why}", style="red")
            if hint := reason.get("hint"):
                yield Padding(Text(names.printable(str(hint))), (0, 0, 0, 7))
        if (more := len(failures) - _FAILURES_SHOWN) > 0:
            yield Text(f"       and {more} more; `ocrspool status --json` names them all")
