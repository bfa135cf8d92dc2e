"""`ocrspool status` and `ocrspool retry`: the folders are the truth, the running service adds what only it knows."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ocrspool import names
from ocrspool.config import STATES, Config
from ocrspool.errors import Exit
from ocrspool.inbox import Rules
from ocrspool.spool import Spool

_FAILURES_SHOWN = 5


def status(config: Config, *, as_json: bool) -> int:
    """Print where things stand. 69 when no service is running."""
    facts = collect(config)
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        _print(facts)
    return Exit.OK if facts["service"] else Exit.UNAVAILABLE


def collect(config: Config) -> dict[str, Any]:
    """Return the state of the service and of each inbox's folders."""
    return {
        "service": _service(config),
        "inboxes": {name: _folders(config, name) for name in config.inbox},
    }


def retry(config: Config, wanted: list[str], *, inbox: str | None, everything: bool) -> int:
    """Move failed files back. 66 when a name is not among them."""
    if not wanted and not everything:
        print("ocrspool: name the files, or say --all", file=sys.stderr)
        return Exit.USAGE
    if inbox is not None and inbox not in config.inbox:
        print(f"ocrspool: there is no inbox {inbox!r}; there are: {', '.join(config.inbox)}", file=sys.stderr)
        return Exit.USAGE
    left = set(wanted)
    kept = 0
    for name in [inbox] if inbox else config.inbox:
        spool = _spool(config, name)
        for failed, reason in list(spool.failures()):
            relative = os.fspath(failed.relative_to(spool.failed))
            if not (everything or {relative, names.printable(relative)} & left):
                continue
            left -= {relative, names.printable(relative)}
            try:
                target = spool.retry(failed, reason)
            except FileExistsError:
                kept += 1
                print(f"{names.printable(relative)}: stays; a file of its name is in the inbox", file=sys.stderr)
            else:
                print(f"{names.printable(relative)} → {names.printable(os.fspath(target))}")
    for name in sorted(left):
        print(f"ocrspool: {names.printable(name)}: no failed file of this name", file=sys.stderr)
    return Exit.NO_INPUT if left else Exit.CANT_CREATE if kept else Exit.OK


def _service(config: Config) -> dict[str, Any] | None:
    """Return what the running service last said of itself; None when there is none."""
    try:
        facts: dict[str, Any] = json.loads((config.paths.runtime / "status.json").read_bytes())
        alive = _lives(facts["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return facts if alive else None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:  # it lives, and is another user's
        return True
    except OSError:
        return False
    return True


def _folders(config: Config, name: str) -> dict[str, Any]:
    """Count the files in each state. Whoever may not look into a folder gets null for it."""
    spool, inbox = _spool(config, name), config.inbox[name]
    rules = Rules(inbox.include, inbox.exclude + inbox.ignore)
    folder = inbox.folders()
    failures = [
        {**names.to_json(os.fspath(path.relative_to(spool.failed))), "reason": reason}
        for path, reason in spool.failures()
    ]
    return {
        "folder": os.fspath(folder["inbox"]),
        "inbox": _count(folder["inbox"], rules),
        "work": sum(1 for _ in folder["work"].glob("*/source")) if _readable(folder["work"]) else None,
        "outbox": _count(folder["outbox"]),
        "done": _count(folder["done"]),
        "failed": len(failures) if _readable(folder["failed"]) else None,
        "failures": failures,
    }


def _count(folder: Path, rules: Rules | None = None) -> int | None:
    if not _readable(folder):
        return None
    return sum(
        1
        for at, _, files in os.walk(folder)
        for file in files
        if rules is None or rules.wants(os.fspath(Path(at, file).relative_to(folder)))
    )


def _readable(folder: Path) -> bool:
    try:
        os.scandir(folder).close()
    except FileNotFoundError:
        return True  # and empty
    except OSError:
        return False
    return True


def _spool(config: Config, name: str) -> Spool:
    return Spool(name, config.inbox[name].folders())


def _print(facts: dict[str, Any]) -> None:
    console = Console(highlight=False, markup=False)
    service = facts["service"]
    if service is None:
        console.print("service: not running")
    else:
        engine = service["engine"] or {}
        console.print(
            f"service: {service['state']}, pid {service['pid']}, {service['in_work']} in work, "
            f"{service['pages_per_second']:.1f} pages/s"
        )
        if engine:
            console.print(
                f"engine:  {engine['runtime']} {engine['runtime_version']}, {engine['precision']} "
                f"on {engine['device']}, {engine['fingerprint']}"
            )
        if start := service.get("start"):
            console.print("start:   " + ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in start.items()))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("inbox")
    for column in ("waiting", "work", "outbox", "done", "failed"):
        table.add_column(column, justify="right")
    for name, inbox in facts["inboxes"].items():
        table.add_row(name, *("?" if inbox[state] is None else str(inbox[state]) for state in STATES))
    console.print(table)
    for name, inbox in facts["inboxes"].items():
        for failure in inbox["failures"][:_FAILURES_SHOWN]:
            reason = failure["reason"]
            why = names.printable(str(reason.get("message", "no reason file")))  # others may write these files
            text = f"failed {name}/{names.printable(failure['path'])}: {why}"
            console.print(Text(text, style="red"))
            if hint := reason.get("hint"):
                console.print(Text(f"       {names.printable(str(hint))}"))
        if (more := len(inbox["failures"]) - _FAILURES_SHOWN) > 0:
            console.print(f"       and {more} more; `ocrspool status --json` names them all")
