"""Reads what a service has published, with every value checked: the file may be of another version, or damaged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from ocrspool.observability.snapshot import StatusSnapshot

_SNAPSHOT = TypeAdapter(StatusSnapshot)


def snapshot_from(data: bytes) -> StatusSnapshot:
    """Return the snapshot in a status.json. Raise ValueError where it holds none."""
    return _SNAPSHOT.validate_json(data, strict=True)


def snapshot_of(facts: Mapping[str, Any]) -> StatusSnapshot:
    """Return the snapshot that has these facts, given as JSON has them. Raise ValueError where they make none."""
    return _SNAPSHOT.validate_python(facts)
