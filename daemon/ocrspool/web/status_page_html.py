"""The status page: what was published goes in, one HTML document comes out. Pure.

The page runs no script, and fetches nothing but small pictures. Names and reasons come from outside: everything that is
not ours is escaped, after control characters were made visible.
"""

from __future__ import annotations

import html
import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ocrspool.files import names
from ocrspool.formatting import counted, format_duration, format_remaining, parse_rfc3339
from ocrspool.observability import inbox_summary
from ocrspool.observability.snapshot import InboxCounts, InboxStatus, StatusSnapshot
from ocrspool.results import engine_label
from ocrspool.results.reason import Failure
from ocrspool.web.page_style import STYLE
from ocrspool.web.sparkline import sparkline

_REFRESH_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Offer:
    """What this page may do beside showing the status."""

    views: bool = False
    """Whether it has links to the HTML outputs."""
    pictured: Collection[str] = ()
    """The jobs of whose first pages there is a small picture."""
    token: str = ""
    """What a button has to send with its request; "" for no buttons."""
    still_failed: Collection[Failure] = ()
    """The failures whose files still lie in failed/."""


def render(published: StatusSnapshot, offer: Offer, now: float) -> bytes:
    """Return the page. `now` is in seconds of the epoch."""
    parts = (
        _head(published),
        _tiles(published),
        _rates(published),
        _inboxes(published, now),
        _hosts(published, now),
        _in_work(published),
        _documents(published, offer, now),
        _failures(published, offer, now),
        _foot(published, now),
    )
    return "\n".join(part for part in parts if part).encode("utf-8")


def _head(published: StatusSnapshot) -> str:
    state = published.state
    problems = "".join(f'<p class="bad">{_text(problem)}.</p>\n' for problem in _problems(published))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="{_REFRESH_SECONDS}">
<title>ocrspool: {_text(state)}</title>
<style>{STYLE}</style>
</head>
<body>
<header><h1>ocrspool</h1><span class="{"good" if state == "ready" else "bad"}">{_text(state)}</span></header>
{problems}"""


def _problems(published: StatusSnapshot) -> Iterator[str]:
    """Yield a sentence for each thing that somebody has to mend, without its full stop."""
    if published.lack:
        yield f"Nothing is claimed: {published.lack}"
    if published.cluster is not None and published.cluster.short:
        yield f"Hosts are missing: {published.cluster.short}"
    for name, inbox in published.inboxes.items():
        if told := inbox_summary.line(inbox):
            yield f"Inbox {name} {told}"
    for name, queue in published.queues.items():
        if told := inbox_summary.unclaimable(queue):
            yield f"Inbox {name}: {told}"
    if published.reload_refused:
        yield f"The last reload was refused: {published.reload_refused}"


def _tiles(published: StatusSnapshot) -> str:
    numbers = {
        "waiting": published.waiting,
        "cannot be taken": published.unclaimable,
        "in work": published.in_work,
        "done": sum(count.done for count in published.since_start.values()),
        "in failed/": published.failed_files,
        "files/min": f"{published.files_per_minute:.0f}",
        "pages/s": f"{published.pages_per_second:.1f}",
    }
    if not published.unclaimable:
        del numbers["cannot be taken"]
    tiles = "".join(f'<div><b>{number}</b><span class="soft">{name}</span></div>' for name, number in numbers.items())
    return f'<section class="tiles">{tiles}</section>'


def _rates(published: StatusSnapshot) -> str:
    pictures = ""
    for what, numbers in (("files", published.by_minute.files), ("pages", published.by_minute.pages)):
        label = f"{what} per minute in the last hour: {sum(numbers)} in all, at most {max(numbers, default=0)}"
        pictures += f'<div><p class="soft">{label}</p>{sparkline(numbers, label)}</div>'
    return f'<section class="pair">{pictures}</section>'


def _inboxes(published: StatusSnapshot, now: float) -> str:
    rows = []
    for name, queue in published.queues.items():
        count = published.since_start.get(name, InboxCounts())
        oldest = "" if queue.oldest is None else format_duration(max(now - queue.oldest, 0))
        there = published.inboxes.get(name, InboxStatus()).failed_files
        cells = [_cell(name), _number(queue.waiting), _number(oldest)]
        if published.unclaimable:
            cells.append(_number(queue.unclaimable))
        counts = (count.done, count.partial, count.warned, count.failed, count.pages)
        rows.append([*cells, *map(_number, counts), _number("?" if there is None else there)])
    columns = ["inbox", "waiting", "oldest", "done", "partial", "with warnings", "failed", "pages", "in failed/"]
    if published.unclaimable:
        columns.insert(3, "cannot be taken")
    return _section("Inboxes", _table(columns, rows))


def _hosts(published: StatusSnapshot, now: float) -> str:
    cluster = published.cluster
    if cluster is None:
        return ""
    rows = []
    for host in cluster.hosts:
        wire = "" if host.wire_seconds is None else f"{1000 * host.wire_seconds:.0f}"
        engine = " ".join(filter(None, [host.runtime, host.precision, *host.devices]))
        state = f"{host.state}: {host.reason}" if host.reason else host.state
        if host.state == "in" and host.no_files:
            state += f"; no whole files: {host.no_files}"
        sent = host.sent_bytes // 1_000_000
        link = ""
        if host.link_measured:
            ago = format_duration(max(now - host.link_measured, 0))
            link = f"{host.link_bytes_per_second / 1e6:.0f} ({ago} ago)"
        numbers = (host.workers, host.worker_restarts, host.in_work, host.pages, host.files, sent, wire, link)
        since = _number(format_duration(max(now - host.since, 0)))
        rows.append([_cell(host.name, host.address), _cell(state), since, _cell(engine), *map(_number, numbers)])
    columns = (
        *("host", "state", "for", "engine", "workers", "replaced", "in work", "pages", "files", "MB sent"),
        "ms on the wire",
        "MB/s of the link",
    )
    up = "answers" if cluster.up else f"does not answer: {cluster.reason}"
    head = f'<p class="{"soft" if cluster.up else "bad"}">The scheduler {_text(cluster.scheduler)} {_text(up)}.</p>'
    if cluster.scheduler_other:
        head += f'<p class="bad">The scheduler has another program: {_text(cluster.scheduler_other)}.</p>'
    return _section("Hosts", head + (_table(columns, rows) if rows else ""))


def _in_work(published: StatusSnapshot) -> str:
    rows = []
    for job in published.jobs:
        told, bar = "", ""
        if job.pages is not None:
            told = f"{job.read} of {job.pages}"
            bar = f'<progress max="{job.pages}" value="{job.read}"></progress>'
        rest = format_remaining(job, published.at)
        rows.append((_cell(f"{job.inbox}/{job.path}"), _number(told), Cell(bar), _number(rest)))
    return _section("In work", _table(("file", "pages", "", "to go"), rows)) if rows else ""


def _documents(published: StatusSnapshot, offer: Offer, now: float) -> str:
    rows = []
    for document in published.last_documents:
        lost = f"{document.lost} lost of " if document.lost else ""
        view = f'<a href="/view/{_text(document.job)}">html</a>' if offer.views else "html"
        outputs = ", ".join(view if output == "html" else _text(output) for output in ("json", *document.outputs))
        row = [
            _cell(f"{document.inbox}/{document.path}", ", ".join(document.warnings)),
            _number(f"{lost}{document.pages}"),
            _number(document.lines),
            Cell(outputs),
            _ago(document.finished_at, now),
        ]
        rows.append([_picture(document.job, offer), *row] if offer.pictured else row)
    columns = ["file", "pages", "lines", "outputs", "read"]
    columns = ["", *columns] if offer.pictured else columns
    return _section("Last documents", _table(columns, rows)) if rows else ""


def _failures(published: StatusSnapshot, offer: Offer, now: float) -> str:
    rows = []
    for failure in published.last_failures:
        hint = f'<br><span class="soft">{_text(failure.hint)}</span>' if failure.hint else ""
        page = f" (page {failure.page})" if failure.page else ""
        why = Cell(f'<span class="bad">{_text(failure.message)}</span>{page}{hint}', "name")
        name = _cell(f"{failure.inbox}/{failure.source.path}")
        rows.append((name, why, _ago(failure.failed_at, now), Cell(_retry(failure, offer))))
    return _section("Last failures", _table(("file", "reason", "failed", ""), rows)) if rows else ""


def _retry(failure: Failure, offer: Offer) -> str:
    """Return the button that puts a failed file back, or why there is none."""
    if failure not in offer.still_failed:
        return '<span class="soft">no longer there</span>'
    if not failure.may_be_retried:
        return '<span class="soft">send another file: trying this one again ends in the same way</span>'
    if not offer.token or not failure.job:
        return ""
    hidden = f'<input type="hidden" name="token" value="{_text(offer.token)}">'
    button = f'<button name="job" value="{_text(failure.job)}">Try again</button>'
    return f'<form method="post" action="/retry">{hidden}{button}</form>'


def _picture(job: str, offer: Offer) -> Cell:
    """Return a cell with the first page, small. It is a link to the HTML output."""
    if job not in offer.pictured:
        return Cell("", "picture")
    image = f'<img src="/thumbnail/{_text(job)}" alt="first page">'
    return Cell(f'<a href="/view/{_text(job)}">{image}</a>', "picture")


def _foot(published: StatusSnapshot, now: float) -> str:
    engines = "; ".join(engine_label.line(engine) for engine in published.reads_with)
    nets = published.engine.models if published.engine is not None else ()
    models, readers, finders = engine_label.models(nets), engine_label.readers(nets), engine_label.finders(nets)
    began = published.at if published.began is None else published.began
    running, age = (format_duration(max(now - moment, 0)) for moment in (began, published.at))
    restarts = counted(published.worker_restarts, "worker")
    return f"""<footer>
<div>Engine: {_text(engines)}; {_text(models)}. Readers: {_text(readers)}. Finders:
{_text(finders)}.</div>
<div>Workers: {len(published.workers)}. Since the start {restarts} failed and had to be replaced. The service has
run for {running}. This was published {age} ago. All counts but those of waiting files, of files that cannot be
taken and of files in failed/ begin at the start.</div>
</footer>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table."""

    body: str
    """HTML."""
    kind: str = ""
    """Its class: n for a number, name, or picture."""


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>"


def _table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Return a table. Each cell knows the name of its column, which a narrow screen shows beside it."""
    kinds = [cell.kind for cell in rows[0]] if rows else [""] * len(columns)
    heads = "".join(
        f"<th{_class(kind if kind == 'n' else '')}>{name}</th>" for name, kind in zip(columns, kinds, strict=True)
    )
    body = "".join(f"<tr>{''.join(_cells(columns, row))}</tr>\n" for row in rows)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>\n{body}</tbody></table>"


def _cells(columns: Sequence[str], row: Sequence[Cell]) -> Iterable[str]:
    for name, cell in zip(columns, row, strict=True):
        label = f' data-label="{name}"' if name and cell.body else ""
        yield f"<td{_class(cell.kind)}{label}>{cell.body}</td>"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _cell(name: str, more: str = "") -> Cell:
    """Return a cell with a name, and below it what else is to be said."""
    below = f'<br><span class="soft">{_text(more)}</span>' if more else ""
    return Cell(f"{_text(name)}{below}", "name")


def _number(number: object) -> Cell:
    return Cell(_text(number), "n")


def _ago(moment: str, now: float) -> Cell:
    """Return a cell that says how long ago a moment in RFC 3339 was; an empty one where the moment is none."""
    seconds = now - parse_rfc3339(moment)
    if seconds == -math.inf:
        return Cell("", "n")
    return Cell(f'<time datetime="{_text(moment)}">{format_duration(max(seconds, 0))} ago</time>', "n")


def _text(text: object) -> str:
    return html.escape(names.printable(str(text)))
