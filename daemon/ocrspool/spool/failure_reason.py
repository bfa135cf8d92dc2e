"""The reason beside a failed file: its form, and its place."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
from collections.abc import Container, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ocrspool.errors import DocumentError
from ocrspool.files import json_file, names
from ocrspool.files.folder import Folder
from ocrspool.files.walk import walk
from ocrspool.formatting import rfc3339
from ocrspool.results.reason import SCHEMA, Failure, PublishedName, Reason, failure_from

REASON_SUFFIX = ".reason.json"


def reason(error: DocumentError, name: str, inbox: str, *, job: str | None, attempts: int) -> dict[str, Any]:
    """Return why the file of this name, relative to its inbox, has failed just now."""
    published = Reason(
        schema=SCHEMA,
        kind=error.kind,
        stage=error.stage,
        page=error.page,
        message=error.message,
        hint=error.hint,
        attempts=attempts,
        source=PublishedName(**names.to_json(name)),
        inbox=inbox,
        job=job,
        failed_at=rfc3339(),
    )
    return asdict(published) | {"source": names.to_json(name)}


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


@dataclass(frozen=True, slots=True)
class FailedFiles:
    """What lies in failed/."""

    count: int
    newest: tuple[Failure, ...]


def look(folder: Path, inbox: str, most: int) -> FailedFiles:
    """Count the files below failed/, and return so many of those that failed last. Only their reasons are read.

    Thousands may lie there for years, so little is held of each: an entry of a folder would keep all that stat(2) says.
    """
    count = 0
    found: list[tuple[float, str]] = []
    for prefix, at, entries in walk(folder):
        files = {entry.name for entry in _files(entries)}
        documents = [name for name in files if _is_document(name, files)]
        count += len(documents)
        failed = ((_failed_at(at, name), prefix + name) for name in documents)
        found = heapq.nlargest(most, itertools.chain(found, failed))
    return FailedFiles(count, tuple(_failure(folder, inbox, name) for _, name in found))


def _failed_at(at: Folder, name: str) -> float:
    """Return when a file was moved there: its reason came then."""
    changed = at.stat(reason_of(name)) or at.stat(name)
    return 0.0 if changed is None else changed.st_ctime


def _failure(folder: Path, inbox: str, name: str) -> Failure:
    file = PublishedName(**names.to_json(os.fspath(folder / name)))
    return failure_from(reason_at(folder, folder / name), file, inbox, names.as_text(name))


def failures(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield each file below failed/ with its reason; an empty reason where that is missing or unreadable."""
    for _, at, entries in walk(folder):
        files = dict.fromkeys(sorted(entry.name for entry in _files(entries)))
        for file in files:
            if _is_document(file, files):
                yield at.path / file, _reason_in(at, file)


def _reason_in(at: Folder, file: str) -> dict[str, Any]:
    with contextlib.suppress(OSError):
        return json_file.load(at, reason_of(file))
    return {}


def _files(entries: Iterable[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
    return (entry for entry in entries if not entry.is_dir(follow_symlinks=False))


def _is_document(name: str, files: Container[str]) -> bool:
    """Tell a failed file from a reason. A file of other people may be named like a reason; it has a reason too."""
    return not name.endswith(REASON_SUFFIX) or reason_of(name) in files
