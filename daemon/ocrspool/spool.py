"""One inbox's folders, and the only code that moves a file between them. A job's state is the folder it lies in.

    inbox/<name>                    waiting
    work/<job id>/source/<name>     claimed; what else is in the job's folder says how far it has come (jobs.py)
    outbox/<name>.json              delivered; beside it, since before it, <name>.txt and so on
    done/<name>                     retired (or deleted)
    failed/<name>, <name>.reason.json

Every step is one rename or leaves the job where `recover` finds it; the order (deliver, then retire) means that a
crash repeats a step and never loses a document. A repeated delivery is byte for byte the first one, because the
result stays in work/ until the source is retired.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ocrspool import atomic, names, reasons, records
from ocrspool.claim import let_go, open_parent
from ocrspool.config import STATES
from ocrspool.errors import DocumentError
from ocrspool.growing import Growing, Return, has_changed, look_at
from ocrspool.inbox import Sighting
from ocrspool.jobs import Job, Jobs, failed_as, has_result
from ocrspool.outbox import RESULT_SUFFIX, Outbox, digest_of
from ocrspool.places import PRIVATE, placed
from ocrspool.reasons import REASON_SUFFIX, reason_beside
from ocrspool.spool_lock import SpoolLock

_log = logging.getLogger(__name__)


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
        self.jobs = Jobs(name, self.work)
        self.lock = SpoolLock(self.work)
        self.growing = Growing()
        self._naming = threading.Lock()

    def open(self) -> None:
        """Make the folders and take the spool's lock. Raise SpoolBusyError when another process has it."""
        for folder in (self.inbox, self.work, self.outbox, self.done, self.failed):
            folder.mkdir(parents=True, exist_ok=True)
        self.lock.take()

    def close(self) -> None:
        """Let go of the lock."""
        self.lock.let_go()

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
        job = self.jobs.new(seen.name)
        try:
            os.rename(last, job.source, src_dir_fd=folder)
        except OSError as error:
            self.jobs.clear(self.jobs.folder(job))
            if isinstance(error, FileNotFoundError):
                return None
            raise
        found = job.source.lstat()
        if (found.st_ino, found.st_size, found.st_mtime_ns) != (seen.inode, seen.size, seen.mtime_ns):
            self.give_back(job)  # written to, or replaced by another, between the look and the rename
            return None
        return replace(job, seen=seen)

    def recover(self) -> list[Job]:
        """Finish what a crash left half done, and return the jobs that have to be read (again)."""
        atomic.clear(self.outbox / PRIVATE)
        jobs: list[Job] = []
        for folder in sorted(path for path in self.work.iterdir() if path.is_dir()):
            job = self.jobs.read(folder)
            if job is None:
                self.jobs.clear(folder)
            elif self.is_back(job) or has_changed(job, job.source):
                self.give_back(job)
            elif (folder / "reason.json").exists():
                self.fail(job, records.load(folder / "reason.json"))
            elif has_result(folder):
                self.deliver(job, (folder / "result.json").read_bytes())
            elif job.attempts:
                cut_short = replace(job, attempts=job.attempts - 1, interruptions=job.interruptions + 1)
                jobs.append(self.jobs.save(cut_short))
            else:
                jobs.append(job)
        return jobs

    def begin(self, job: Job) -> Job:
        """Count one attempt, on disk, before anything of the file is read."""
        if os.path.lexists(job.source):  # else it has failed, and only its reason has still to be placed
            self.jobs.reason(job).unlink(missing_ok=True)
        return self.jobs.save(replace(job, attempts=job.attempts + 1, seen=job.seen or look_at(job.source, job.name)))

    def note_death(self, job: Job, page: int) -> Job:
        """Remember, on disk, that a decoder died at this page."""
        return self.jobs.save(replace(job, deaths=(*job.deaths, page)))

    def suspend(self, job: Job) -> None:
        """Leave the job in work/ for the next start: the service is stopping, which is not the file's fault."""
        self.jobs.save(replace(job, attempts=max(0, job.attempts - 1)))

    def may_grow(self, job: Job) -> bool:
        """Tell whether somebody may be writing to the file still."""
        return self.growing.may_grow(job)

    def take_back(self, job: Job, error: DocumentError | None = None) -> Return | None:
        """Give the file back to the inbox if somebody is still writing to it; the job is over then. Return why."""
        found = self.growing.judge(job, error)
        if found is not None:
            self.give_back(job)
        return found

    def place(self, job: Job, suffix: str) -> Path:
        """Return where an output of the job is put before its result is delivered."""
        return self.jobs.folder(job) / f"result{suffix}"

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
        self.jobs.clear(self.jobs.folder(job))
        self.growing.over(job)
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
                atomic.write(self.jobs.reason(job), records.dump(reason))
                atomic.move(job.source, target)
        self._place_reason(job, target)
        self.growing.over(job)
        return target

    def give_back(self, job: Job) -> None:
        """Return a claimed file to the inbox, under its name, or a tagged one where that has been taken meanwhile."""
        for name in self._names_back(job):
            target = placed(self.inbox, name, job.id)
            with contextlib.suppress(FileExistsError):
                atomic.move_new(job.source, target)
                break
        self.jobs.clear(self.jobs.folder(job))

    def adopt(self, stray: Path) -> Job:
        """Make a job of a file in work/ that belongs to none."""
        job = self.jobs.new(stray.name)
        stray.rename(job.source)
        if stray.parent != self.work:
            self.jobs.clear(self.work / stray.relative_to(self.work).parts[0])
        return job

    def failures(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Yield each failed file with its reason."""
        return reasons.failures(self.failed)

    def retry(self, failed: Path, reason: dict[str, Any]) -> Path:
        """Move a failed file back to the inbox, under the name it came with. Raise FileExistsError."""
        target = placed(self.inbox, names.from_json(reason.get("source")) or _relative(failed, self.failed), "retried")
        atomic.move_new(failed, target)
        reason_beside(failed).unlink(missing_ok=True)
        return target

    def _retire(self, job: Job) -> None:
        """Move the source to done/, or remove it. One that was written to since the last look goes back to the inbox.

        That look comes after the move, so that there is no moment in between. What is written later the audit finds.
        """
        at = job.source
        if not self.delete:
            with self._naming:
                at = self._free(self.done, job)
                job.source.rename(at)
        if has_changed(job, at):
            _log.warning("%s changed while its result was delivered: it is read again", names.printable(job.name))
            self.place(job, RESULT_SUFFIX).unlink()  # else a start after a crash would deliver it again
            at.rename(job.source)
            self.growing.returns(job, "it has changed", self.growing.patience.settle)
            self.give_back(job)
        elif self.delete:
            at.unlink()

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

    def is_back(self, job: Job) -> bool:
        """Tell whether a crash came between the two steps of giving the file back: it is in both places."""
        return any(atomic.is_same(job.source, self.inbox / name) for name in self._names_back(job))

    def _moved_to(self, job: Job) -> Path | None:
        """Return where in failed/ the source went when it was failed before; None while it is in work/."""
        if os.path.lexists(job.source):
            return None
        name = failed_as(self.jobs.folder(job))
        return self.failed / name if name else None

    def _place_reason(self, job: Job, failed: Path) -> None:
        reason = reason_beside(failed)
        reason.parent.mkdir(parents=True, exist_ok=True)  # it may have been tidied away since
        atomic.move(self.jobs.reason(job), reason)
        self.jobs.clear(self.jobs.folder(job))


def _relative(path: Path, folder: Path) -> str:
    return os.fspath(path.relative_to(folder))
