"""The small JSON files beside a job: written by us, but read as if by anyone, in folders that others may write to."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

_MOST_BYTES = 256 << 20


def load(path: Path) -> dict[str, Any]:
    """Return the object in a file; an empty one where there is no such file, or nothing of the kind in it.

    Never waits: a pipe under the name of a result is not opened for good, and no link is followed.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_BYTES:
                return {}
            value = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def dump(value: dict[str, Any]) -> bytes:
    """Return the object as a file that people can read."""
    return json.dumps(value, indent=2).encode("ascii") + b"\n"
