"""One inbox's folders, and the only code that moves a file between them. A job's state is the folder it lies in.

    inbox/<name>                    waiting
    work/<job id>/source/<name>     claimed; beside it job.json counts attempts and deaths
    work/<job id>/result.json       read, not yet delivered and retired; beside it result.txt and so on
    work/<job id>/reason.json       failed, not yet moved
    outbox/<name>.json              delivered; beside it, since before it, <name>.txt and so on
    done/<name>                     retired (or deleted)
    failed/<name>, <name>.reason.json

Every step is one rename or leaves the job where `recover` finds it; the order (deliver, then retire) means that a
crash repeats a step and never loses a document. A repeated delivery is byte for byte the first one, because the
result stays in work/ until the source is retired.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ocrspool import atomic, names, records
from ocrspool.claim import let_go, open_parent
from ocrspool.config import STATES
from ocrspool.errors import SpoolBusyError
from ocrspool.inbox import Sighting
from ocrspool.outbox import RESULT_SUFFIX, Outbox, digest_of
from ocrspool.places import PRIVATE, placed

REASON_SUFFIX = ".reason.json"
MOST_INTERRUPTIONS = 20
"""A file that was in work so often when the service itself died is given up: it may be what kills the machine."""

LOCK = ".lock"
"""The file in work/ that whoever works on the spool holds locked."""
_LOCK_TRIES = 10
_LOCK_PAUSE_SECONDS = 0.02

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


class Spool:
    """The five folders of one inbox. Safe to use from several threads; only one process may hold it open."""

    def __init__(self, name: str, folders: dict[str, Path], *, delete: bool = False, mode: int | None = None) -> None:
        self.name = name
        self.inbox, self.work, self.outbox, self.done, self.failed = (folders[state] for state in STATES)
        self.delete = delete
        """Whether a retired source is removed rather than kept in done/."""
        self.mode = mode
        """Mode of results, and with search permission of the folders made for them; None: as the umask has it."""
        self.mark = False
        """Whether an empty file says that all outputs of a document are there."""
        self._naming = threading.Lock()
        self._lock_fd: int | None = None

    def open(self) -> None:
        """Make the folders and take the spool's lock. Raise SpoolBusyError when another process has it."""
        for folder in (self.inbox, self.work, self.outbox, self.done, self.failed):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock_fd = os.open(self.work / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        for _ in range(_LOCK_TRIES):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            time.sleep(_LOCK_PAUSE_SECONDS)  # `is_held` of another process has it for an instant
        self.close()
        raise SpoolBusyError(
            f"another ocrspool is working on {self.work}",
            "stop it first, or give this one a root of its own",
        )

    def is_held(self) -> bool:
        """Tell whether any process has the spool open, this one too. Raise PermissionError."""
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(self.work / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            finally:
                os.close(descriptor)
        return False

    def close(self) -> None:
        """Let go of the lock."""
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def claim(self, seen: Sighting) -> Job | None:
        """Take the file into work/. None when it has changed, is still being written, or has gone."""
        try:
            folder = open_parent(self.inbox, seen.name)
        except OSError:  # gone, or a link stands where a folder was
            return None
        try:
            return self._claim_from(folder, seen)
        finally:
            os.close(folder)

    def _claim_from(self, folder: int, seen: Sighting) -> Job | None:
        last = seen.name.rpartition("/")[2]
        if not let_go(folder, last, seen):
            return None
        job_id = _new_id()
        job = Job(job_id, self.name, seen.name, self._source(job_id, seen.name))
        try:
            job.source.parent.mkdir(parents=True)
            os.rename(last, job.source, src_dir_fd=folder)
        except OSError as error:
            self._clear(self._folder(job))
            if isinstance(error, FileNotFoundError):
                return None
            raise
        found = job.source.lstat()
        if (found.st_ino, found.st_size, found.st_mtime_ns) != (seen.inode, seen.size, seen.mtime_ns):
            self.give_back(job)  # written to, or replaced by another, between the look and the rename
            return None
        return job

    def recover(self) -> list[Job]:
        """Finish what a crash left half done, and return the jobs that have to be read (again)."""
        atomic.clear(self.outbox / PRIVATE)
        jobs: list[Job] = []
        for folder in sorted(path for path in self.work.iterdir() if path.is_dir()):
            job = self.read_job(folder)
            if job is None:
                self._clear(folder)
            elif self.is_back(job):
                self.give_back(job)
            elif (folder / "reason.json").exists():
                self.fail(job, records.load(folder / "reason.json"))
            elif self.has_result(folder):
                self.deliver(job, (folder / "result.json").read_bytes())
            elif job.attempts:
                jobs.append(self._save(replace(job, attempts=job.attempts - 1, interruptions=job.interruptions + 1)))
            else:
                jobs.append(job)
        return jobs

    def begin(self, job: Job) -> Job:
        """Count one attempt, on disk, before anything of the file is read."""
        if os.path.lexists(job.source):  # else it has failed, and only its reason has still to be placed
            (self._folder(job) / "reason.json").unlink(missing_ok=True)
        return self._save(replace(job, attempts=job.attempts + 1))

    def note_death(self, job: Job, page: int) -> Job:
        """Remember, on disk, that a decoder died at this page."""
        return self._save(replace(job, deaths=(*job.deaths, page)))

    def suspend(self, job: Job) -> None:
        """Leave the job in work/ for the next start: the service is stopping, which is not the file's fault."""
        self._save(replace(job, attempts=max(0, job.attempts - 1)))

    def place(self, job: Job, suffix: str) -> Path:
        """Return where an output of the job is put before its result is delivered."""
        return self._folder(job) / f"result{suffix}"

    def deliver(self, job: Job, result: bytes) -> Path:
        """Put the result into the outbox, after the outputs that it names, then retire the source.

        Return where the result is. It stays in work/ until the source is retired; that of an earlier attempt is
        delivered in place of this one.
        """
        saved = self.place(job, RESULT_SUFFIX)
        known, wanted = records.load(saved), json.loads(result)
        if digest_of(known) != digest_of(wanted):
            atomic.write(saved, result)
            known = wanted
        with self._naming:
            target = Outbox(self.outbox, self.mode, mark=self.mark).publish(saved, job.name, known)
        self._retire(job)
        self._clear(self._folder(job))
        return target

    def fail(self, job: Job, reason: dict[str, Any]) -> Path:
        """Move the source to failed/ with the reason beside it. Return where the source is.

        What an earlier try of it has done stays done: a source that has been moved is given the reason of that try.
        """
        with self._naming:
            target = self._moved_to(job)
            if target is None:
                target = self._free(self.failed, job)
                reason = {**reason, "failed_as": names.to_json(_relative(target, self.failed))}
                atomic.write(self._folder(job) / "reason.json", records.dump(reason))
                atomic.move(job.source, target)
        self._place_reason(job, target)
        return target

    def give_back(self, job: Job) -> None:
        """Return a claimed file to the inbox, under its name, or a tagged one where that has been taken meanwhile."""
        for name in self._names_back(job):
            target = placed(self.inbox, name, job.id)
            with contextlib.suppress(FileExistsError):
                atomic.move_new(job.source, target)
                break
        self._clear(self._folder(job))

    def adopt(self, stray: Path) -> Job:
        """Make a job of a file in work/ that belongs to none."""
        job_id = _new_id()
        job = Job(job_id, self.name, stray.name, self._source(job_id, stray.name))
        job.source.parent.mkdir(parents=True)
        stray.rename(job.source)
        if stray.parent != self.work:
            self._clear(self.work / stray.relative_to(self.work).parts[0])
        return job

    def failures(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Yield each failed file with its reason; an empty reason where that is missing or unreadable."""
        for folder, _, files in os.walk(self.failed):
            for file in sorted(files):
                # One that people have put here may be named like a reason; it then has one of its own.
                path = Path(folder, file)
                if not file.endswith(REASON_SUFFIX) or reason_beside(path).name in files:
                    yield path, records.load(reason_beside(path))

    def retry(self, failed: Path, reason: dict[str, Any]) -> Path:
        """Move a failed file back to the inbox, under the name it came with. Raise FileExistsError."""
        target = placed(self.inbox, names.from_json(reason.get("source")) or _relative(failed, self.failed), "retried")
        atomic.move_new(failed, target)
        reason_beside(failed).unlink(missing_ok=True)
        return target

    def _folder(self, job: Job) -> Path:
        return self.work / job.id

    def _source(self, job_id: str, name: str) -> Path:
        return self.work / job_id / "source" / name

    def _save(self, job: Job) -> Job:
        counts = {"attempts": job.attempts, "interruptions": job.interruptions, "deaths": job.deaths}
        # Not durable: what a power cut takes back is a count, and one more attempt does no harm.
        atomic.write(self._folder(job) / "job.json", records.dump(counts), durable=False)
        return job

    def read_job(self, folder: Path) -> Job | None:
        """Return the job in a folder of work/; None when there is nothing left in it that is not delivered."""
        counts = records.load(folder / "job.json")
        past = _count(counts.get("attempts")), _count(counts.get("interruptions")), _pages(counts.get("deaths"))
        for at, _, files in os.walk(folder / "source"):
            for file in files:
                source = Path(at, file)
                if source.is_symlink() or not source.is_file():
                    continue  # no claim has put that there, or it has just been moved on
                name = _relative(source, folder / "source")
                return Job(folder.name, self.name, name, source, *past)
        if name := _failed_as(folder):
            return Job(folder.name, self.name, name, self._source(folder.name, name), *past)
        return None

    def _retire(self, job: Job) -> None:
        if self.delete:
            job.source.unlink()
            return
        with self._naming:
            target = self._free(self.done, job)
            job.source.rename(target)

    def _free(self, folder: Path, job: Job) -> Path:
        """Return a path under `folder` that nothing has: the job's name, or that tagged with the job's id.

        In failed/ no file is called like a reason: which is which would depend on what people have taken away.
        """
        target = placed(folder, job.name, job.id)
        like_a_reason = target.name.endswith(REASON_SUFFIX) or os.path.lexists(reason_beside(target))
        taken = os.path.lexists(target) or (folder == self.failed and like_a_reason)
        return target.with_name(names.tagged(target.name, job.id)) if taken else target

    def _names_back(self, job: Job) -> tuple[str, str]:
        return job.name, names.tagged(job.name, job.id)

    def has_result(self, folder: Path) -> bool:
        """Tell whether the job in a folder of work/ has been read."""
        return bool(digest_of(records.load(folder / "result.json")))

    def is_back(self, job: Job) -> bool:
        """Tell whether a crash came between the two steps of giving the file back: it is in both places."""
        return any(atomic.is_same(job.source, self.inbox / name) for name in self._names_back(job))

    def _moved_to(self, job: Job) -> Path | None:
        """Return where in failed/ the source went when it was failed before; None while it is in work/."""
        if os.path.lexists(job.source):
            return None
        name = _failed_as(self._folder(job))
        return self.failed / name if name else None

    def _place_reason(self, job: Job, failed: Path) -> None:
        reason = reason_beside(failed)
        reason.parent.mkdir(parents=True, exist_ok=True)  # it may have been tidied away since
        atomic.move(self._folder(job) / "reason.json", reason)
        self._clear(self._folder(job))

    def _clear(self, folder: Path) -> None:
        """Remove a job's folder. A file that should not be there any more, and is, stays and keeps the folder."""
        for at, _, files in os.walk(folder, topdown=False):
            with contextlib.suppress(OSError):  # of a disk that fails: the job is over all the same
                for file in files:
                    if Path(at) == folder and is_ours(file):
                        Path(at, file).unlink()
                Path(at).rmdir()


def reason_beside(failed: Path) -> Path:
    """Return where the reason of a failed file is."""
    return failed.with_name(names.with_suffix(failed.name, REASON_SUFFIX))


def _new_id() -> str:
    return f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def is_ours(name: str) -> bool:
    """Tell whether a name in a job's folder is that of a record, or of one that was being written."""
    return "/" not in name and name.startswith(_OURS)


def _failed_as(folder: Path) -> str:
    """Return the name in failed/ that a folder of work/ has in its reason; "" where there is none."""
    return names.from_json(records.load(folder / "reason.json").get("failed_as"))


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _pages(value: object) -> tuple[int, ...]:
    return tuple(page for page in value if _count(page)) if isinstance(value, list) else ()


def _relative(path: Path, folder: Path) -> str:
    return os.fspath(path.relative_to(folder))
