"""Checks of failed/: each file has a reason beside it, and each reason has a file."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ocrspool.audit.findings import Finding
from ocrspool.audit.folder_snapshot import Entry, Tree
from ocrspool.files import json_file, names
from ocrspool.spool.failure_reason import REASON_SUFFIX, reason_of


def examine(failed: Tree, on_their_way: Collection[str]) -> Iterator[Finding]:
    """Yield files without a reason, apart from those whose reason is on its way, and reasons without a file."""
    documents = {entry.name for entry in files_in(failed)}
    reasons = {reason_of(name) for name in documents}
    for name in documents:
        if reason_of(name) not in failed.entries and name not in on_their_way:
            yield Finding("no-reason", failed.path(name))
    for entry in failed.files():
        if entry.name not in documents and entry.name not in reasons:
            yield Finding("lone-reason", failed.path(entry.name))


def files_in(failed: Tree) -> list[Entry]:
    """Return the failed files. One that is named like a reason has one of its own, or is no reason."""
    return [entry for entry in failed.files() if _is_document(failed, entry.name)]


def came_as(failed: Tree, name: str) -> str:
    """Return the name in the inbox under which a retry puts a failed file back."""
    return names.from_json(json_file.load_below(failed.root, reason_of(name)).get("source")) or name


def _is_document(failed: Tree, name: str) -> bool:
    if not name.endswith(REASON_SUFFIX) or reason_of(name) in failed.entries:
        return True
    return name.removesuffix(REASON_SUFFIX) not in failed.entries and "kind" not in json_file.load_below(
        failed.root, name
    )
