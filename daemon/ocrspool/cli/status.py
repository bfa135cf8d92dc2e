"""`ocrspool status`: what the folders show, and what only the running service knows."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from ocrspool.cli.status_view import view
from ocrspool.config.schema import Config
from ocrspool.errors import Exit
from ocrspool.files import names
from ocrspool.files.folder import Folder
from ocrspool.files.name_patterns import NamePatterns
from ocrspool.files.walk import walk
from ocrspool.spool.layout import STATES
from ocrspool.spool.spool import Spool


def status(config: Config, *, as_json: bool) -> int:
    """Print where things stand. 69 when no service is running, 77 when this user may not know whether one is."""
    facts = collect(config)
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        Console(highlight=False, markup=False).print(view(facts))
    if facts["unseen"]:
        return Exit.NO_PERMISSION
    return Exit.OK if facts["service"] else Exit.UNAVAILABLE


def collect(config: Config) -> dict[str, Any]:
    """Return the state of the service and of each inbox's folders.

    `unseen` is the file that this user would have to read to know whether a service runs; null where it may.
    """
    published = config.paths.runtime / "status.json"
    try:
        service, unseen = _service(published), None
    except PermissionError:
        service, unseen = None, os.fspath(published)
    told = {} if service is None else service.get("inboxes", {})
    hanging = {name for name, inbox in told.items() if inbox["state"] == "hangs"}
    return {
        "service": service,
        "unseen": unseen,
        "inboxes": {name: _folders(config, name, hangs=name in hanging) for name in config.inbox},
    }


def _service(published: Path) -> dict[str, Any] | None:
    """Return what the running service last said of itself; None when there is none. Raise PermissionError."""
    try:
        facts: dict[str, Any] = json.loads(published.read_bytes())
        alive = _lives(facts["pid"])
    except PermissionError:
        raise
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


def _folders(config: Config, name: str, *, hangs: bool) -> dict[str, Any]:
    """Count the files in each state; null for a folder that may not be looked into, and for a disk that hangs."""
    inbox = config.inbox[name]
    folder = inbox.folders()
    if hangs:
        return {"folder": os.fspath(folder["inbox"]), **dict.fromkeys(STATES), "failures": []}
    spool = Spool(name, folder)
    rules = inbox.rules()
    failures = [
        {**names.to_json(os.fspath(path.relative_to(spool.failed))), "reason": reason}
        for path, reason in sorted(spool.failures(), key=_failed_at, reverse=True)
    ]
    return {
        "folder": os.fspath(folder["inbox"]),
        "inbox": _count(folder["inbox"], rules),
        "work": _jobs(folder["work"]),
        "outbox": _count(folder["outbox"]),
        "done": _count(folder["done"]),
        "failed": len(failures) if _readable(folder["failed"]) else None,
        "failures": failures,
    }


def _count(folder: Path, rules: NamePatterns | None = None) -> int | None:
    if not _readable(folder):
        return None
    return sum(
        1
        for prefix, _, entries in walk(folder)
        for entry in entries
        if not entry.is_dir(follow_symlinks=False) and (rules is None or rules.wants(prefix + entry.name))
    )


def _jobs(work: Path) -> int | None:
    """Count the jobs. The folder of each is closed to all but the service, so those are counted."""
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
