"""The five folders of one inbox. A job's state is the folder that it lies in. Only this package moves a document.

    inbox/<name>                    it waits
    work/<job id>/source/<name>     it is claimed; what else is in the job's folder says how far it has come (jobs.py)
    outbox/<name>.json              its result is delivered, after <name>.txt and so on
    done/<name>                     it is retired (or deleted)
    failed/<name>, <name>.reason.json

Each step is one rename, or leaves the job where `recover` finds it. A result is delivered before its source is retired.
So a crash repeats a step and never loses a document. `delivery.py`, `failing.py` and `way_back.py` are the ways out of
work/, and `recovery.py` is what a start does with what lies there.
"""

from __future__ import annotations

import logging
import os
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ocrspool.errors import DocumentError
from ocrspool.files import atomic, mounts
from ocrspool.files.folder import PRIVATE_MODE, Folder
from ocrspool.files.target_path import Place
from ocrspool.results.rendered import RenderedResult
from ocrspool.spool import failure_reason
from ocrspool.spool.claim import is_released
from ocrspool.spool.delivery import Delivery
from ocrspool.spool.delivery_options import AS_DEFAULT, DeliveryOptions
from ocrspool.spool.failing import Failing
from ocrspool.spool.growing_files import GrowingFiles, Return, look_at
from ocrspool.spool.job_folder import REASON
from ocrspool.spool.jobs import Job, Jobs, has_source, last_of
from ocrspool.spool.layout import STATES
from ocrspool.spool.lock import SpoolLock
from ocrspool.spool.outbox import SAVED
from ocrspool.spool.recovery import Recovery
from ocrspool.spool.snapshot import FileSnapshot
from ocrspool.spool.turns import Turns
from ocrspool.spool.way_back import WayBack

_log = logging.getLogger(__name__)


class Spool:
    """The five folders of one inbox. Safe to use from several threads; only one process may hold it open."""

    def __init__(self, name: str, folders: dict[str, Path], delivery: DeliveryOptions = AS_DEFAULT) -> None:
        self.name = name
        self.inbox, self.work, self.outbox, self.done, self.failed = (folders[state] for state in STATES)
        self.delivery = delivery
        """For jobs that are claimed or recovered from now on."""
        self.jobs = Jobs(name, self.work)
        self.lock = SpoolLock(self.work)
        self.growing = GrowingFiles()
        naming = threading.Lock()
        self._turns = Turns()
        self._way_back = WayBack(self.inbox, self.failed, self.jobs)
        self._deliveries = Delivery(
            self.outbox, self.done, self.jobs, self.growing, self._way_back, naming, self._turns
        )
        self._failing = Failing(self.failed, self.jobs, self.growing, naming)
        self._recovery = Recovery(
            name, self.work, self.outbox, self.jobs, self._deliveries, self._failing, self._way_back
        )

    def open(self) -> None:
        """Make the folders and take the spool's lock. Raise SpoolBusyError when another process has it."""
        for state in (self.inbox, self.outbox, self.done, self.failed):
            Folder.made(state).close()
        with Folder.made(self.work, PRIVATE_MODE) as work:
            self._keep_to_ourselves(work)
        self.jobs.moves_come_late = mounts.commits_moves_late(self.work)
        self.lock.take()

    def _keep_to_ourselves(self, work: Folder) -> None:
        """Let nobody else into work/; only say so where that is not ours to decide."""
        found = os.fstat(work.descriptor)
        if found.st_uid == os.geteuid():
            work.keep_others_out()
            return
        self.jobs.owner = work.owner_of_new()
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            _log.warning(
                "inbox %s: %s belongs to user %d, and others may write to it: give it to this user, with mode 0700",
                self.name,
                work.path,
                found.st_uid,
            )

    def close(self) -> None:
        """Let go of the lock."""
        self.lock.release()

    def claim(self, seen: FileSnapshot) -> Job | None:
        """Take the file into work/. None when it has changed, is still being written, or has gone."""
        try:
            folder = Folder.at(self.inbox)
            if "/" in seen.name:
                with folder:
                    folder = folder.holder(seen.name)  # the inbox is closed by its own `with`
        except OSError:  # gone, or a link stands where a folder was
            return None
        with folder, self._turns:
            return self._claim_from(folder, seen)

    def _claim_from(self, folder: Folder, seen: FileSnapshot) -> Job | None:
        last = last_of(seen.name)
        if not is_released(folder, last, seen):
            return None
        job, holder = self.jobs.new(seen.name, seen.size)
        with holder:
            try:
                folder.rename(last, holder, last)
            except OSError as error:
                self.jobs.clear(job.id)
                if isinstance(error, FileNotFoundError):
                    return None
                raise
            try:
                found = holder.stat(last)
            except OSError:  # the disk has gone since the rename: the file is ours, and its job waits and looks again
                return replace(job, seen=seen, delivery=self.delivery)
        if found is None or (found.st_ino, found.st_size, found.st_mtime_ns) != (seen.inode, seen.size, seen.mtime_ns):
            self.give_back(job)  # written to, or replaced by another, between the look and the rename
            return None
        return replace(job, seen=seen, delivery=self.delivery)

    def recover(self, unfinished: list[Job] | None = None, on_job: Callable[[], None] = lambda: None) -> list[Job]:
        """Finish what a crash left half done, and return the jobs that have to be read (again).

        What cannot be finished for now is put into `unfinished`, and `finish` tries again. Without such a list it is
        returned to be read, which comes to the same end. `on_job` is called before each job.
        """
        return self._recovery.recover(self.delivery, unfinished, on_job)

    def recover_again(self, unfinished: list[Job]) -> list[Job]:
        """Look once more at jobs that the disk did not give when `recover` looked. Return those to be read."""
        return self._recovery.again(self.delivery, unfinished)

    def has_left(self) -> bool:
        """Tell whether there are such jobs."""
        return bool(self._recovery.left)

    def finish(self, job: Job) -> bool:
        """Take a job to the end that an earlier run has begun. Tell whether there was one: else it is to be read."""
        return self._recovery.finish(job)

    def begin(self, job: Job) -> Job:
        """Count one attempt, on disk, before anything of the file is read."""
        with self._turns, self.jobs.opened(job.id) as folder:
            # Without a source it has failed, and only its reason has still to be placed.
            if folder.stat(REASON) is not None and has_source(folder, job):
                folder.unlink(REASON)
            return self.jobs.save_in(
                folder, replace(job, attempts=job.attempts + 1, seen=job.seen or look_at(job.source, job.name))
            )

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

    def keep(self, job: Job) -> None:
        """Wait until the source is on disk: its sender may not have waited. Raise OSError."""
        atomic.sync_file(job.source)

    def place(self, job: Job, suffix: str) -> Place:
        """Return where an output of the job is put before its result is delivered; to be closed. Raise OSError."""
        return Place(self.jobs.opened(job.id), SAVED + suffix)

    def done_as(self, job: Job) -> str:
        """Decide under which path below done/ the source will be retired; "" where it is not kept. Raise OSError."""
        return self._deliveries.done_as(job)

    def deliver(self, job: Job, result: RenderedResult) -> Path:
        """Put the result into the outbox, after the outputs that it names, then retire the source.

        Return where the result is. Raise OSError where the disk is at fault, DocumentError where people have left no
        name free for it.
        """
        return self._deliveries.deliver(job, result)

    def fail(self, job: Job, reason: dict[str, Any]) -> Path:
        """Move the source to failed/ with the reason beside it. Return where the source is."""
        return self._failing.fail(job, reason)

    def give_back(self, job: Job) -> None:
        """Return a claimed file to the inbox."""
        self._way_back.give_back(job)

    def adopt(self, stray: str) -> Job:
        """Make a job of a file in work/ that belongs to none, by its name in work/."""
        with Folder.at(self.work) as work, work.holder(stray) as at:
            last = last_of(stray)
            job, holder = self.jobs.new(last)
            with holder:
                at.rename(last, holder, last)
        if "/" in stray:
            self.jobs.clear(stray.partition("/")[0])
        return job

    def failures(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Yield each failed file with its reason."""
        return failure_reason.failures(self.failed)

    def retry(self, failed: Path, reason: dict[str, Any]) -> Path:
        """Move a failed file back to the inbox, under the name it came with. Raise FileExistsError."""
        return self._way_back.retry(failed, reason)

    def is_back(self, folder: Folder, job: Job) -> bool:
        """Tell whether a crash has cut the return of this file short, so that it is in both places.

        `folder` is the job's, open.
        """
        return self._way_back.is_back(folder, job)
