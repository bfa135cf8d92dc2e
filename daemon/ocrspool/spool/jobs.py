"""One claimed file on its way, and its folder in work/ with what has to survive a crash.

<job id>/source/<name>     the file; beside it job.json counts attempts and deaths
<job id>/result.json       read, not yet delivered and retired; beside it result.txt and so on
<job id>/reason.json       failed, not yet moved

Only the service's user may enter these folders (0700). They are used only while they belong to that user. Whatever else
lies in work/ is left.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from ocrspool.files import json_file, names
from ocrspool.files.folder import PRIVATE_MODE, Folder
from ocrspool.files.walk import walk
from ocrspool.results.rendered import ResultFiles
from ocrspool.spool.delivery_options import AS_DEFAULT, DeliveryOptions
from ocrspool.spool.job_folder import JOB, REASON, RESULT, SIZE, prune, sources
from ocrspool.spool.outbox import digest_of, files_of
from ocrspool.spool.snapshot import FileSnapshot

_MOST_RESULT_BYTES = 1 << 30
"""The largest result that is read. Nobody else can enter its folder, so only the document decides how large it is."""
_MOST_PATH_BYTES = 4095
_LASTING = frozenset({errno.ENOENT, errno.ENOTEMPTY, errno.EPERM})
"""Errors at the removal of a folder that is gone, or in which others have put something: it is not tried again."""


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
    seen: FileSnapshot | None = field(default=None, compare=False)
    """The file as it was when it was claimed, as far as that is known."""
    delivery: DeliveryOptions = field(default=AS_DEFAULT, compare=False)
    """How it is delivered: as configured when it was claimed, or recovered."""


def log_fields(job: Job) -> dict[str, str]:
    """Return what a record of the log says that it is of; see observability/log_setup.py."""
    return {"job": job.id, "inbox": job.inbox, "file": names.printable(job.name)}


class Jobs:
    """The folders of one inbox's jobs. A folder that is gone is no error: nothing is known of its job."""

    def __init__(self, inbox: str, work: Path) -> None:
        self._inbox = inbox
        self._work = work
        self.owner: int | None = None
        """The owner of our folders, on a filesystem where all files have one owner; None: the user of this process."""
        self.moves_come_late = True
        """Whether the folder that a source has left is synced before anything of its job goes; see files/mounts.py."""
        self._left: set[str] = set()
        """Folders of jobs that are over which could not be removed, because the disk failed just then."""

    def new(self, name: str, size: int | None = None) -> tuple[Job, Folder]:
        """Return a job for a file of this name, and the folder that the file can be moved into, which is to be closed.

        `size` is how large the source is; it is written down. Raise OSError with nothing left behind.
        """
        job_id = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        job = Job(job_id, self._inbox, name, self._source(job_id, name))
        if len(os.fsencode(job.source)) > _MOST_PATH_BYTES:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), os.fspath(job.source))
        try:
            with Folder.at(self._work) as work:
                work.make(job_id, PRIVATE_MODE)
                at = work.private(job_id, self.owner)
            with at:
                if size is not None:
                    at.note(size_note(size))  # nothing waits for a disk here
                at.make("source", PRIVATE_MODE)
                at = at.below("source")  # the one before is closed by its own `with`
            for part in name.split("/")[:-1]:
                with at:
                    at.make(part, PRIVATE_MODE)
                    at = at.below(part)
        except OSError:
            self.clear(job_id)
            raise
        return job, at

    def opened(self, job_id: str) -> Folder:
        """Open the folder of a job. Raise OSError: FileNotFoundError, PermissionError where it is not ours."""
        with Folder.at(self._work) as work:
            return work.private(job_id, self.owner)

    def take_over(self, folder: Folder) -> None:
        """Keep others out of the folders of a job that an earlier start, or an earlier version, has left.

        Raise PermissionError where one of them is not ours.
        """
        for _, each, _ in walk(folder):
            each.keep_others_out(self.owner)

    def read(self, folder: Folder) -> Job | None:
        """Return the job in a folder of work/; None where all that is in it has been delivered. Raise OSError."""
        counts = json_file.load(folder, JOB)
        past = _count(counts.get("attempts")), _count(counts.get("interruptions")), _pages(counts.get("deaths"))
        job_id = folder.path.name
        for name in sources(folder):
            return Job(job_id, self._inbox, name, self._source(job_id, name), *past, _seen(name, counts.get("seen")))
        if name := failed_as(folder):
            return Job(job_id, self._inbox, name, self._source(job_id, name), *past)
        return None

    def save(self, job: Job) -> Job:
        """Write down the counts of a job."""
        with self.opened(job.id) as folder:
            return self.save_in(folder, job)

    def save_in(self, folder: Folder, job: Job) -> Job:
        """Write down the counts of a job in its open folder."""
        counts: dict[str, object] = {"attempts": job.attempts, "interruptions": job.interruptions, "deaths": job.deaths}
        if job.seen is not None:
            counts["seen"] = (job.seen.size, job.seen.mtime_ns, job.seen.ctime_ns, job.seen.inode, job.seen.renamed)
        # Not durable: a power cut can only lose a count, and one more attempt does no harm. So the first one is written
        # in place: what a crash cuts short counts as nothing, and nothing has been counted before it.
        data = json.dumps(counts).encode("ascii")
        if job.attempts > 1 or not folder.write_new(JOB, data):
            folder.write(JOB, data, durable=False)
        return job

    def has(self, job_id: str) -> bool:
        """Tell whether a job is in work. Raise OSError."""
        with Folder.at(self._work) as work:
            return work.stat(job_id) is not None

    def clear(self, job_id: str) -> None:
        """Remove a job's folder. A file that should not be there any more stays, and its folder with it.

        The job is over, also where the disk fails at this: then the folder is removed with that of a later job.
        """
        for each in (job_id, *tuple(self._left)):
            if self._is_removed(each):
                self._left.discard(each)
            else:
                self._left.add(each)

    def _is_removed(self, job_id: str) -> bool:
        """Remove the folder of a job. Tell whether it need not be tried again."""
        try:
            self._remove(job_id)
        except OSError as error:
            return error.errno in _LASTING
        return True

    def _remove(self, job_id: str) -> None:
        with Folder.at(self._work) as work:
            with work.private(job_id, self.owner) as folder:
                prune(folder)
            work.remove_folder(job_id)

    def clear_delivered(self, folder: Folder, job_id: str, left: Iterable[str]) -> None:
        """Remove the open folder of a job whose source is gone, as `clear` does. These files are left in it."""
        try:
            for name in left:
                folder.unlink(name)
            folder.remove_folder("source")
            with Folder.at(self._work) as work:
                work.remove_folder(job_id)
        except OSError:  # there is more in it
            self.clear(job_id)

    def _source(self, job_id: str, name: str) -> Path:
        return self._work / job_id / "source" / name


def size_note(size: int) -> str:
    """Return the name of the file that tells how large the source was when it was claimed."""
    return f"{SIZE}{size}"


def holder_of(folder: Folder, job: Job) -> Folder:
    """Open the folder that holds the source of a job, in the job's open folder. Raise FileNotFoundError."""
    return folder.holder(f"source/{job.name}")


def has_source(folder: Folder, job: Job) -> bool:
    """Tell whether the source of a job is in its open folder."""
    try:
        with holder_of(folder, job) as holder:
            return holder.stat(last_of(job.name)) is not None
    except (FileNotFoundError, NotADirectoryError):
        return False


def lost_bytes(folder: Folder, job: Job) -> tuple[int, int] | None:
    """Return how large the source was when it was claimed and how large it is, where a power cut took some of it.

    None where it is whole, or was written to since: that gives it a later time. `folder` is the job's, open.
    """
    was = next((name.removeprefix(SIZE) for name in folder.names() if name.startswith(SIZE)), "")
    if not was.isdecimal():
        return None
    try:
        with holder_of(folder, job) as holder:
            found = holder.stat(last_of(job.name))
    except FileNotFoundError:  # it has been moved on
        return None
    if found is None or found.st_size >= int(was) or found.st_mtime > _claimed_at(job) + 1:
        return None
    return int(was), found.st_size


def _claimed_at(job: Job) -> float:
    """Return when a job was claimed, in seconds of the epoch, as its id says."""
    try:
        return datetime.strptime(job.id.partition("-")[0] + "+0000", "%Y%m%dT%H%M%S%z").timestamp()
    except ValueError:
        return 0.0


def last_of(name: str) -> str:
    """Return the last part of a name."""
    return name.rpartition("/")[2]


def saved_result(folder: Folder) -> ResultFiles | None:
    """Return what the result in the open folder of a job says of itself; None where there is none that is whole.

    Raise OSError where the disk is at fault.
    """
    found = json_file.load(folder, RESULT, _MOST_RESULT_BYTES)
    return files_of(found) if digest_of(found) else None


def has_result(folder: Folder) -> bool:
    """Tell whether the job in an open folder of work/ has been read."""
    return saved_result(folder) is not None


def failed_as(folder: Folder) -> str:
    """Return the name in failed/ that an open folder of work/ has in its reason; "" where there is none."""
    return names.from_json(json_file.load(folder, REASON).get("failed_as"))


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _seen(name: str, value: object) -> FileSnapshot | None:
    """Return what `save` wrote down of the file; None where that makes no sense."""
    if not isinstance(value, list) or not all(isinstance(each, int) for each in value):
        return None
    with contextlib.suppress(ValueError):
        size, mtime_ns, ctime_ns, inode, renamed = value
        return FileSnapshot(name, size, mtime_ns, ctime_ns, inode, bool(renamed))
    return None


def _pages(value: object) -> tuple[int, ...]:
    return tuple(page for page in value if _count(page)) if isinstance(value, list) else ()
