"""`ocrspool status`: what the folders show, and what only the running service knows."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from ocrspool.audit.claim_rights import unclaimable
from ocrspool.cli.status_report import FailedFile, InboxFolders, StatusReport
from ocrspool.cli.status_view import show, view
from ocrspool.config.schema import Config
from ocrspool.errors import Exit
from ocrspool.files import names
from ocrspool.files.answering import silent
from ocrspool.files.folder import Folder
from ocrspool.files.name_patterns import NamePatterns
from ocrspool.files.walk import walk
from ocrspool.formatting import format_duration
from ocrspool.observability.snapshot import LONGEST_SILENCE_SECONDS, Queue, StatusSnapshot
from ocrspool.observability.snapshot_file import snapshot_from
from ocrspool.spool.outbox import RESULT_SUFFIX
from ocrspool.spool.spool import Spool

_HANGING_SECONDS = 3 * LONGEST_SILENCE_SECONDS
"""A service that has published nothing for so long hangs."""


def status(config: Config, *, as_json: bool) -> int:
    """Print where things stand. 69 when no service is running, or it hangs; 77 when this user may not know that."""
    report = collect(config)
    if as_json:
        print(json.dumps(asdict(report), indent=2))
    else:
        show(Console(highlight=False, markup=False), view(report))
    if report.unseen:
        return Exit.NO_PERMISSION
    return Exit.OK if report.service and not report.hangs else Exit.UNAVAILABLE


def collect(config: Config) -> StatusReport:
    """Return the state of the service and of the folders of each inbox."""
    published = config.paths.runtime / "status.json"
    try:
        service, unseen = _service(published), None
    except PermissionError:
        service, unseen = None, os.fspath(published)
    known = (
        {name for name, found in service.inboxes.items() if found.state == "hangs"} if service is not None else set()
    )
    hangs = known | silent(
        {name: [*inbox.folders().values()] for name, inbox in config.inbox.items() if name not in known}
    )
    return StatusReport(
        service=service,
        unseen=unseen,
        hangs="" if service is None else _hangs(service, time.time()),
        inboxes={
            name: InboxFolders(os.fspath(inbox.folder("inbox")), hangs=True)
            if name in hangs
            else _folders(config, name, service)
            for name, inbox in config.inbox.items()
        },
    )


def _service(published: Path) -> StatusSnapshot | None:
    """Return what the running service has published last; None when there is none. Raise PermissionError."""
    try:
        found = snapshot_from(published.read_bytes())
        alive = _lives(found.pid)
    except PermissionError:
        raise
    except (OSError, ValueError, OverflowError):
        return None
    return found if alive else None


def _hangs(service: StatusSnapshot, now: float) -> str:
    """Return why a service whose process lives does not go on; "" where it does."""
    if service.at and (silence := now - service.at) > _HANGING_SECONDS:  # 0: not told
        return f"it has said nothing for {format_duration(silence)}"
    return "" if service.responsive else "a part of it waits longer than it may"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:  # it lives, and is another user's
        return True
    except OSError:
        return False
    return True


def _folders(config: Config, name: str, service: StatusSnapshot | None) -> InboxFolders:
    """Count the files in each state; null for a folder that may not be looked into."""
    inbox = config.inbox[name]
    folder, rules = inbox.folders(), inbox.rules()
    at = os.fspath(folder["inbox"])
    spool = Spool(name, folder)
    failures = tuple(
        FailedFile(**names.to_json(os.fspath(path.relative_to(spool.failed))), reason=reason)
        for path, reason in sorted(spool.failures(), key=_failed_at, reverse=True)
    )
    there = _names(folder["inbox"])
    wanted = None if there is None else sum(rules.wants(each) for each in there)
    outbox = _names(folder["outbox"])
    done = _names(folder["done"])
    queue = _queue(spool, rules, service)
    return InboxFolders(
        folder=at,
        inbox=wanted,
        work=_jobs(folder["work"]),
        outbox=None if outbox is None else len(outbox),
        done=None if done is None else len(done),
        failed=len(failures) if _readable(folder["failed"]) else None,
        results=None if outbox is None else sum(each.endswith(RESULT_SUFFIX) for each in outbox),
        ignored=None if there is None or wanted is None else len(there) - wanted,
        unclaimable=None if queue is None else queue.unclaimable,
        unclaimable_reason="" if queue is None else queue.unclaimable_reason,
        failures=failures,
    )


def _queue(spool: Spool, rules: NamePatterns, service: StatusSnapshot | None) -> Queue | None:
    """Return what cannot be taken: as the service knows, or as far as this user can tell."""
    if service is not None:
        return service.queues.get(spool.name)
    found = unclaimable(spool, rules)
    if found is None:
        return None
    why = f"{names.printable(found[0].name)}: {found[0].why}" if found else ""
    return Queue(unclaimable=len(found), unclaimable_reason=why)


def _names(folder: Path) -> list[str] | None:
    """Return the names of all files below a folder; None where it may not be looked into."""
    if not _readable(folder):
        return None
    return [
        prefix + entry.name
        for prefix, _, entries in walk(folder)
        for entry in entries
        if not entry.is_dir(follow_symlinks=False)
    ]


def _jobs(work: Path) -> int | None:
    """Count the jobs by their folders. What is in them is closed to all but the service."""
    if not _readable(work):
        return None
    return sum(
        entry.is_dir(follow_symlinks=False) for _, _, entries in walk(work, lambda _: False) for entry in entries
    )


def _readable(folder: Path) -> bool:
    try:
        Folder.at(folder).close()
    except FileNotFoundError:
        return True  # and empty
    except OSError:
        return False
    return True


def _failed_at(failure: tuple[Path, Mapping[str, Any]]) -> str:
    """Return when it failed, in a form that sorts; "" where its reason does not say."""
    return str(failure[1].get("failed_at", ""))
