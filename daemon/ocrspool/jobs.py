"""One claimed file on its way, and its folder in work/ with what has to survive a crash.

<job id>/source/<name>     the file; beside it job.json counts attempts and deaths
<job id>/result.json       read, not yet delivered and retired; beside it result.txt and so on
<job id>/reason.json       failed, not yet moved
"""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from ocrspool import atomic, names, records
from ocrspool.inbox import Sighting
from ocrspool.outbox import digest_of

_OURS = ("job.json", "result.", "reason.json")


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed file on its way."""

    id: str
    inbox: str
    name: str
    """Relative to the inbox, with surrogate escapes."""
    source: Path
    attempts: int = 0
    """Times that decoding began and did not end in an outcome."""
    interruptions: int = 0
    """Attempts that ended because the service did, through no fault of the file's that we know of."""
    deaths: tuple[int, ...] = ()
    """The page, from 1, of each death of a decoder."""
    seen: Sighting | None = field(default=None, compare=False)
    """The file as it was when it was claimed, as far as that is known."""


def about(job: Job) -> dict[str, str]:
    """Return what a record of the log says that it is of; see log.py."""
    return {"job": job.id, "inbox": job.inbox, "file": names.printable(job.name)}


class Jobs:
    """The folders of one inbox's jobs. Of a job whose folder has gone nothing is known, and that is no error."""

    def __init__(self, inbox: str, work: Path) -> None:
        self._inbox = inbox
        self._work = work

    def new(self, name: str) -> Job:
        """Return a job for a file of this name, with a folder that the file can be moved into."""
        job_id = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        job = Job(job_id, self._inbox, name, self._source(job_id, name))
        try:
            job.source.parent.mkdir(parents=True)
        except OSError:
            self.clear(self.folder(job))
            raise
        return job

    def read(self, folder: Path) -> Job | None:
        """Return the job in a folder of work/; None when there is nothing left in it that is not delivered."""
        counts = records.load(folder / "job.json")
        past = _count(counts.get("attempts")), _count(counts.get("interruptions")), _pages(counts.get("deaths"))
        for at, _, files in os.walk(folder / "source"):
            for file in files:
                source = Path(at, file)
                if source.is_symlink() or not source.is_file():
                    continue  # no claim has put that there, or it has just been moved on
                name = os.fspath(source.relative_to(folder / "source"))
                return Job(folder.name, self._inbox, name, source, *past, _seen(name, counts.get("seen")))
        if name := failed_as(folder):
            return Job(folder.name, self._inbox, name, self._source(folder.name, name), *past)
        return None

    def save(self, job: Job) -> Job:
        """Write down what is counted."""
        counts: dict[str, object] = {"attempts": job.attempts, "interruptions": job.interruptions, "deaths": job.deaths}
        if job.seen is not None:
            counts["seen"] = (job.seen.size, job.seen.mtime_ns, job.seen.ctime_ns, job.seen.inode, job.seen.renamed)
        # Not durable: what a power cut takes back is a count, and one more attempt does no harm.
        atomic.write(self.folder(job) / "job.json", records.dump(counts), durable=False)
        return job

    def folder(self, job: Job) -> Path:
        """Return the job's folder."""
        return self._work / job.id

    def reason(self, job: Job) -> Path:
        """Return where the reason is kept while the source is moved."""
        return self.folder(job) / "reason.json"

    def clear(self, folder: Path) -> None:
        """Remove a job's folder. A file that should not be there any more, and is, stays and keeps the folder."""
        for at, _, files in os.walk(folder, topdown=False):
            with contextlib.suppress(OSError):  # of a disk that fails: the job is over all the same
                for file in files:
                    if Path(at) == folder and is_ours(file):
                        Path(at, file).unlink()
                Path(at).rmdir()

    def _source(self, job_id: str, name: str) -> Path:
        return self._work / job_id / "source" / name


def has_result(folder: Path) -> bool:
    """Tell whether the job in a folder of work/ has been read."""
    return bool(digest_of(records.load(folder / "result.json")))


def failed_as(folder: Path) -> str:
    """Return the name in failed/ that a folder of work/ has in its reason; "" where there is none."""
    return names.from_json(records.load(folder / "reason.json").get("failed_as"))


def is_ours(name: str) -> bool:
    """Tell whether a name in a job's folder is that of a record, or of one that was being written."""
    return "/" not in name and name.startswith(_OURS)


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _seen(name: str, value: object) -> Sighting | None:
    """Return what `save` wrote down of the file; None where that makes no sense."""
    if not isinstance(value, list) or not all(isinstance(each, int) for each in value):
        return None
    with contextlib.suppress(ValueError):
        size, mtime_ns, ctime_ns, inode, renamed = value
        return Sighting(name, size, mtime_ns, ctime_ns, inode, bool(renamed))
    return None


def _pages(value: object) -> tuple[int, ...]:
    return tuple(page for page in value if _count(page)) if isinstance(value, list) else ()
