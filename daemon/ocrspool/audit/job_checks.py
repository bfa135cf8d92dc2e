"""Checks of work/: jobs in every state in which a crash can leave them, and files that belong to no job."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from ocrspool.audit.findings import Finding
from ocrspool.audit.folder_snapshot import Entry, Tree
from ocrspool.files import json_file, names
from ocrspool.files.folder import Folder
from ocrspool.spool.job_folder import REASON, is_ours
from ocrspool.spool.jobs import Job, has_result
from ocrspool.spool.lock import LOCK
from ocrspool.spool.spool import Spool


def examine(spool: Spool, work: Tree, *, busy: bool) -> Iterator[Finding]:
    """Yield the findings of work/. While a service is `busy`, a job that has a source is in flight and no finding."""
    for name, entries in _folders(work).items():
        if not name:
            yield from (_foreign(work, entry) for entry in entries if entry.name != LOCK)
            continue
        folder = work.path(name)
        source, rest = _sorted(spool, folder, entries)
        yield from (_foreign(work, entry) for entry in rest)
        if source is None and not rest:
            # A job with a reason and no source: a running service is just putting the reason beside the file.
            if not (busy and f"{name}/{REASON}" in work.entries):
                yield Finding(_over(work, folder), folder)
        elif source is not None and not busy:
            yield Finding(_state(spool, folder), source)


def sources(work: Tree) -> list[Entry]:
    """Return the files that were claimed."""
    return [entry for entry in work.files() if entry.name.split("/", 2)[1:2] == ["source"]]


def on_their_way(work: Tree) -> set[str]:
    """Return the names in failed/ of files whose reasons are still in work/."""
    reasons = [name for name in work.entries if name.count("/") == 1 and name.endswith(f"/{REASON}")]
    found = (json_file.load_below(work.root, reason).get("failed_as") for reason in reasons)
    return {names.from_json(failed_as) for failed_as in found} - {""}


def _folders(work: Tree) -> dict[str, list[Entry]]:
    """Return the folders at the top of work/ with their content. Files beside them are the content of ""."""
    found: dict[str, list[Entry]] = defaultdict(list)
    for name in work.folders:
        if "/" not in name and not any(closed.split("/")[0] == name for closed in work.closed):
            found[name] = []
    for entry in work.entries.values():
        found[entry.name.partition("/")[0] if "/" in entry.name else ""].append(entry)
    return found


def _sorted(spool: Spool, folder: Path, entries: list[Entry]) -> tuple[Path | None, list[Entry]]:
    """Return the source of the job, and the files that are neither the source nor a record of the job."""
    job = _job(spool, folder)
    name = "" if job is None else f"{folder.name}/source/{job.name}"
    source = next((entry for entry in entries if entry.name == name and entry.regular), None)
    rest = [entry for entry in entries if entry is not source and not is_ours(entry.name.partition("/")[2])]
    return None if source is None or job is None else job.source, rest


def _foreign(work: Tree, entry: Entry) -> Finding:
    return Finding("orphan" if entry.regular else "stray", work.path(entry.name))


def _job(spool: Spool, folder: Path) -> Job | None:
    try:
        with Folder.at(spool.work) as work, work.below(folder.name) as opened:
            return spool.jobs.read(opened)
    except OSError:  # gone since
        return None


def _state(spool: Spool, folder: Path) -> str:
    """Return the kind of finding for a job that has its source, while no service works on it."""
    try:
        with Folder.at(spool.work) as work, work.below(folder.name) as opened:
            job = spool.jobs.read(opened)
            if job is not None and spool.is_back(opened, job):
                return "half-given-back"
            if opened.stat(REASON) is not None:
                return "half-failed"
            return "half-delivered" if has_result(opened) else "waiting-job"
    except OSError:  # gone since
        return "waiting-job"


def _over(work: Tree, folder: Path) -> str:
    return "half-failed" if f"{folder.name}/{REASON}" in work.entries else "leftover"
