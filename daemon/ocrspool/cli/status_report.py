"""What `ocrspool status` reports: the printed view and `--json` are made of it.

The schema in `ocrspool schema status` is generated from these classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ocrspool.observability.snapshot import StatusSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedFile:
    """A file in failed/."""

    path: str
    """Relative to failed/; bytes that are not UTF-8 appear as \\xNN."""
    path_base64: str | None = None
    """The exact bytes, where `path` is not exact."""
    reason: Mapping[str, Any]
    """What the reason file says (`ocrspool schema reason`); empty where it is missing or damaged."""


@dataclass(frozen=True, slots=True)
class InboxFolders:
    """The five folders of an inbox. A number is null where this user may not look, and where the disk hangs."""

    folder: str
    """Where files are dropped."""
    inbox: int | None = None
    """Files that wait. Those that cannot be taken are among them."""
    work: int | None = None
    """Jobs."""
    outbox: int | None = None
    """Files, of all formats."""
    done: int | None = None
    failed: int | None = None
    results: int | None = None
    """Documents in the outbox: its JSON files."""
    ignored: int | None = None
    """Files in the inbox that `include` and `exclude` leave out."""
    unclaimable: int | None = None
    """Files that the service may not take, and folders that it may not read. null where that is not known."""
    unclaimable_reason: str = ""
    """Why the first of them cannot be taken."""
    failures: tuple[FailedFile, ...] = ()
    """Newest first."""
    hangs: bool = False
    """Whether the disk does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """The service and all inboxes."""

    schema: Literal["ocrspool-status/1"] = "ocrspool-status/1"
    service: StatusSnapshot | None
    """What the running service has published last; null where none runs, or where `unseen` says why it is not known."""
    unseen: str | None
    """The file that this user would have to read to know whether a service runs; null where it may read it."""
    hangs: str = ""
    """Why the service does not go on, though its process lives; empty if it does."""
    inboxes: Mapping[str, InboxFolders]
