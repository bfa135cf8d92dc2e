"""The reason beside a failed file: its form, and its place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ocrspool.errors import DocumentError
from ocrspool.files import json_file, names
from ocrspool.files.folder import Folder
from ocrspool.files.walk import walk
from ocrspool.formatting import rfc3339

REASON_SUFFIX = ".reason.json"


def reason(error: DocumentError, name: str, inbox: str, *, job: str | None, attempts: int) -> dict[str, Any]:
    """Return why the file of this name, relative to its inbox, has failed just now."""
    return {
        "schema": "ocrspool-reason/1",
        "kind": error.kind,
        "stage": error.stage,
        "page": error.page,
        "message": error.message,
        "hint": error.hint,
        "attempts": attempts,
        "source": names.to_json(name),
        "inbox": inbox,
        "job": job,
        "failed_at": rfc3339(),
    }


def reason_of(name: str) -> str:
    """Return the name of the reason beside a failed file of this name, which may have folders before it."""
    return names.with_suffix(name, REASON_SUFFIX)


def reason_beside(failed: Path) -> Path:
    """Return where the reason of a failed file is."""
    return failed.with_name(reason_of(failed.name))


def reason_at(folder: Path, failed: Path) -> dict[str, Any]:
    """Return the reason of a file below failed/, which is `folder`; empty where that is missing or unreadable."""
    try:
        return json_file.load_below(folder, reason_of(os.fspath(failed.relative_to(folder))))
    except ValueError:  # of an inbox that has other folders by now
        return {}


def is_there(folder: Path, failed: Path) -> bool:
    """Tell whether there is anything of this name below failed/, which is `folder`."""
    try:
        name = os.fspath(failed.relative_to(folder))
        with Folder.at(folder) as root, root.holder(name) as holder:
            return holder.stat(failed.name) is not None
    except (OSError, ValueError):
        return False


def failures(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield each file below failed/ with its reason; an empty reason where that is missing or unreadable."""
    for _, at, entries in walk(folder):
        files = sorted(entry.name for entry in entries if not entry.is_dir(follow_symlinks=False))
        for file in files:
            # One that people have put here may be named like a reason; it then has one of its own.
            if not file.endswith(REASON_SUFFIX) or reason_of(file) in files:
                yield at.path / file, json_file.load(at, reason_of(file))
