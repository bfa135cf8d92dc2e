"""The reason beside a failed file, as it is published."""

from __future__ import annotations

from typing import Any

from ocrspool import names
from ocrspool.errors import DocumentError
from ocrspool.timestamps import rfc3339


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
