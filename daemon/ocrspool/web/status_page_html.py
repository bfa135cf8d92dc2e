"""The status page: published facts in, one HTML document out. It runs nothing and fetches only small pictures. Pure.

Names and reasons come from outside. Everything that is not ours is escaped, after control characters were made visible.
"""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from ocrspool.files import names
from ocrspool.formatting import format_duration, format_remaining
from ocrspool.observability import inbox_summary
from ocrspool.results import engine_label
from ocrspool.web.sparkline import sparkline

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #60646c; --line: #dfe1e6; --back: #f6f7f9; --card: #fff;
  --good: #18794e; --bad: #c62a2f; --bar: #3b7dd8 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #9ba1a9; --line: #33373d; --back: #16181b;
  --card: #1e2125; --good: #4cc38a; --bar: #5a9cf0; --bad: #ff8589 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem; max-width: 68rem; background: var(--back); color: var(--ink);
  font: .95rem/1.5 system-ui, sans-serif }
header { display: flex; gap: .75rem; align-items: baseline; flex-wrap: wrap }
h1 { font-size: 1.3rem; margin: 0 }
h2 { font-size: 1rem; margin: 0 0 .5rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; margin-top: 1rem;
  overflow-x: auto }
.soft, th { color: var(--soft); font-weight: normal }
.good { color: var(--good) } .bad { color: var(--bad) }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); gap: 1rem }
.tiles b { display: block; font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 1.5rem }
.pair p { margin: 0 0 .25rem }
svg { display: block; width: 100%; height: 2.5rem; fill: var(--bar); border-bottom: 1px solid var(--line) }
table { width: 100%; border-collapse: collapse }
th, td { text-align: left; vertical-align: top; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid var(--line) }
tr:last-child td { border-bottom: 0 }
td:last-child, th:last-child { padding-right: 0 }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
.name { overflow-wrap: anywhere; min-width: 10rem }
.picture { width: 4rem; padding-right: .75rem } .picture ~ td { vertical-align: middle }
.picture a { display: block; height: 3.25rem }
.picture img { display: block; margin: 0 auto; max-width: 100%; max-height: 100%; border: 1px solid var(--line) }
progress { width: 100%; min-width: 8rem; accent-color: var(--bar) }
a { color: var(--bar) }
button { font: inherit; padding: .1rem .7rem }
footer { margin-top: 1rem; color: var(--soft); font-size: .85rem }
"""
STYLE_HASH = "sha256-" + b64encode(sha256(_STYLE.encode()).digest()).decode("ascii")
"""What a policy has to allow for this page to be styled."""
_REFRESH_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Offer:
    """What this page may do beyond telling."""

    views: bool = False
    """Whether it leads to the HTML outputs."""
    pictured: Collection[str] = ()
    """The jobs of whose first pages there is a small picture."""
    token: str = ""
    """What a button has to send with its request; "" for no buttons."""
    still_failed: Collection[str] = ()
    """The jobs whose files lie in failed/ still."""


def render(facts: Mapping[str, Any], offer: Offer, now: float) -> bytes:
    """Return the page. `now` is in seconds of the epoch."""
    parts = (
        _head(facts),
        _tiles(facts),
        _rates(facts),
        _inboxes(facts, now),
        _in_work(facts),
        _documents(facts, offer, now),
        _failures(facts, offer, now),
        _foot(facts, now),
    )
    return "\n".join(part for part in parts if part).encode("utf-8")


def _head(facts: Mapping[str, Any]) -> str:
    state = facts["state"]
    lack = f'<p class="bad">Nothing is claimed: {_text(facts["lack"])}.</p>\n' if facts["lack"] else ""
    for name, inbox in facts.get("inboxes", {}).items():
        if told := inbox_summary.line(inbox):
            lack += f'<p class="bad">Inbox {_text(name)} {_text(told)}.</p>\n'
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="{_REFRESH_SECONDS}">
<title>ocrspool: {_text(state)}</title>
<style>{_STYLE}</style>
</head>
<body>
<header><h1>ocrspool</h1><span class="{"good" if state == "ready" else "bad"}">{_text(state)}</span></header>
{lack}"""


def _tiles(facts: Mapping[str, Any]) -> str:
    counts = facts["since_start"].values()
    numbers = {
        "waiting": facts["waiting"],
        "in work": facts["in_work"],
        "done": sum(count["done"] for count in counts),
        "failed": sum(count["failed"] for count in counts),
        "files/min": f"{facts['files_per_minute']:.0f}",
        "pages/s": f"{facts['pages_per_second']:.1f}",
    }
    tiles = "".join(f'<div><b>{number}</b><span class="soft">{name}</span></div>' for name, number in numbers.items())
    return f'<section class="tiles">{tiles}</section>'


def _rates(facts: Mapping[str, Any]) -> str:
    pictures = ""
    for what, numbers in facts["by_minute"].items():
        label = f"{what} per minute in the last hour: {sum(numbers)} in all, at most {max(numbers)}"
        pictures += f'<div><p class="soft">{label}</p>{sparkline(numbers, label)}</div>'
    return f'<section class="pair">{pictures}</section>'


def _inboxes(facts: Mapping[str, Any], now: float) -> str:
    rows = []
    for name, queue in facts["queues"].items():
        count = facts["since_start"].get(name, {"done": 0, "partial": 0, "failed": 0, "pages": 0, "warned": 0})
        oldest = "" if queue["oldest"] is None else format_duration(max(now - queue["oldest"], 0))
        numbers = (
            queue["waiting"],
            oldest,
            *(count[what] for what in ("done", "partial", "warned", "failed", "pages")),
        )
        rows.append((_cell(name), *(_number(number) for number in numbers)))
    columns = ("inbox", "#waiting", "#oldest", "#done", "#partial", "#with warnings", "#failed", "#pages")
    return _section("Inboxes", _table(columns, rows))


def _in_work(facts: Mapping[str, Any]) -> str:
    rows = []
    for job in facts["jobs"]:
        told, bar = "", ""
        if job["pages"] is not None:
            told = f"{job['read']} of {job['pages']}"
            bar = f'<progress max="{job["pages"]}" value="{job["read"]}"></progress>'
        rest = _number(format_remaining(job, facts["at"]))
        rows.append((_cell(f"{job['inbox']}/{job['path']}"), _number(told), f"<td>{bar}</td>", rest))
    return _section("In work", _table(("file", "#pages", "", "#to go"), rows)) if rows else ""


def _documents(facts: Mapping[str, Any], offer: Offer, now: float) -> str:
    rows = []
    for document in facts["last_documents"]:
        lost = f"{document['lost']} lost of " if document["lost"] else ""
        view = f'<a href="/view/{_text(document["job"])}">html</a>' if offer.views else "html"
        what = ", ".join(view if output == "html" else output for output in ("json", *document["outputs"]))
        name = _cell(f"{document['inbox']}/{document['path']}", ", ".join(document["warnings"]))
        pages = _number(f"{lost}{document['pages']}")
        row = [name, pages, _number(document["lines"]), f"<td>{what}</td>", _ago(document["finished_at"], now)]
        rows.append([_picture(document["job"], offer), *row] if offer.pictured else row)
    columns = ["file", "#pages", "#lines", "outputs", "#read"]
    columns = ["", *columns] if offer.pictured else columns
    return _section("Last documents", _table(columns, rows)) if rows else ""


def _picture(job: str, offer: Offer) -> str:
    """Return a cell with the first page, small; it leads where its name leads."""
    if job not in offer.pictured:
        return '<td class="picture"></td>'
    image = f'<img src="/thumbnail/{_text(job)}" alt="first page">'
    return f'<td class="picture"><a href="/view/{_text(job)}">{image}</a></td>'


def _failures(facts: Mapping[str, Any], offer: Offer, now: float) -> str:
    rows = []
    for failure in facts["last_failures"]:
        name = _cell(f"{failure['inbox']}/{failure['source']['path']}")
        hint = f'<br><span class="soft">{_text(failure["hint"])}</span>' if failure["hint"] else ""
        page = f" (page {failure['page']})" if failure["page"] else ""
        why = f'<td class="name"><span class="bad">{_text(failure["message"])}</span>{page}{hint}</td>'
        rows.append((name, why, _ago(failure["failed_at"], now), f"<td>{_retry(failure['job'], offer)}</td>"))
    return _section("Last failures", _table(("file", "reason", "#failed", ""), rows)) if rows else ""


def _retry(job: str, offer: Offer) -> str:
    if job not in offer.still_failed:
        return '<span class="soft">no longer there</span>'
    if not offer.token:
        return ""
    hidden = f'<input type="hidden" name="token" value="{_text(offer.token)}">'
    return (
        f'<form method="post" action="/retry">{hidden}<button name="job" value="{_text(job)}">Try again</button></form>'
    )


def _foot(facts: Mapping[str, Any], now: float) -> str:
    engines = "; ".join(engine_label.line(engine) for engine in facts["engines"] or [facts["engine"]])
    running, told = (format_duration(max(now - facts[moment], 0)) for moment in ("began", "at"))
    return f"""<footer>
<div>Engine: {_text(engines)}; {_text(engine_label.models(facts["engine"]))}</div>
<div>Workers: {len(facts["workers"])}, {facts["worker_restarts"]} replaced for a failure; running for
{running}. Told {told} ago; counts are since the start.</div>
</footer>
</body>
</html>
"""


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>"


def _table(columns: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table; a column whose name begins with # is one of numbers."""
    heads = "".join(f'<th class="n">{name[1:]}</th>' if name[:1] == "#" else f"<th>{name}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(row)}</tr>\n" for row in rows)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>\n{body}</tbody></table>"


def _cell(name: str, more: str = "") -> str:
    """Return a cell with a name, and below it whatever else is to be said."""
    below = f'<br><span class="soft">{_text(more)}</span>' if more else ""
    return f'<td class="name">{_text(name)}{below}</td>'


def _number(number: object) -> str:
    return f'<td class="n">{number}</td>'


def _ago(moment: str, now: float) -> str:
    """Return a cell that says how long ago a moment in RFC 3339 was."""
    seconds = now - datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()
    return f'<td class="n"><time datetime="{_text(moment)}">{format_duration(max(seconds, 0))} ago</time></td>'


def _text(text: object) -> str:
    return html.escape(names.printable(str(text)))
