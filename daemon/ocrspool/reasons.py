"""The reason beside a failed file: how it is published, and where."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ocrspool import names, records
from ocrspool.errors import DocumentError
from ocrspool.timestamps import rfc3339

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


def failures(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield each file below failed/ with its reason; an empty reason where that is missing or unreadable."""
    for at, _, files in os.walk(folder):
        for file in sorted(files):
            # One that people have put here may be named like a reason; it then has one of its own.
            path = Path(at, file)
            if not file.endswith(REASON_SUFFIX) or reason_beside(path).name in files:
                yield path, records.load(reason_beside(path))
