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
import logging
import os
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ocrspool.errors import DocumentError
from ocrspool.files import json_file, names
from ocrspool.files.faults import in_words, is_of_people
from ocrspool.files.folder import PRIVATE_MODE, Folder
from ocrspool.files.publish import PRIVATE, clear
from ocrspool.files.target_path import Place, target_path
from ocrspool.results.rendered import RenderedResult, ResultFiles
from ocrspool.spool import failure_reason
from ocrspool.spool.claim import is_released
from ocrspool.spool.delivery_options import AS_DEFAULT, DeliveryOptions
from ocrspool.spool.failure_reason import REASON_SUFFIX, reason, reason_of
from ocrspool.spool.growing_files import GrowingFiles, Return, has_changed, look_at, stat_of
from ocrspool.spool.jobs import (
    REASON,
    RESULT,
    Job,
    Jobs,
    failed_as,
    has_source,
    holder_of,
    last_of,
    lost_bytes,
    saved_result,
)
from ocrspool.spool.layout import STATES
from ocrspool.spool.lock import SpoolLock
from ocrspool.spool.outbox import SAVED, Outbox
from ocrspool.spool.snapshot import FileSnapshot

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
        self._naming = threading.Lock()

    def open(self) -> None:
        """Make the folders and take the spool's lock. Raise SpoolBusyError when another process has it."""
        for state in (self.inbox, self.outbox, self.done, self.failed):
            Folder.made(state).close()
        with Folder.made(self.work, PRIVATE_MODE) as work:
            self._keep_to_ourselves(work)
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
            with Folder.at(self.inbox) as inbox:
                folder = inbox.holder(seen.name)
        except OSError:  # gone, or a link stands where a folder was
            return None
        with folder:
            return self._claim_from(folder, seen)

    def _claim_from(self, folder: Folder, seen: FileSnapshot) -> Job | None:
        last = last_of(seen.name)
        if not is_released(folder, last, seen):
            return None
        job, holder = self.jobs.new(seen.name)
        with holder:
            try:
                self.jobs.note_size(job, seen.size)
                folder.rename(last, holder, last)
            except OSError as error:
                self.jobs.clear(job.id)
                if isinstance(error, FileNotFoundError):
                    return None
                raise
            found = holder.stat(last)
        if found is None or (found.st_ino, found.st_size, found.st_mtime_ns) != (seen.inode, seen.size, seen.mtime_ns):
            self.give_back(job)  # written to, or replaced by another, between the look and the rename
            return None
        return replace(job, seen=seen, delivery=self.delivery)

    def recover(self, unfinished: list[Job] | None = None, on_job: Callable[[], None] = lambda: None) -> list[Job]:
        """Finish what a crash left half done, and return the jobs that have to be read (again).

        What cannot be finished for now is said, and stops no other job: it is put into `unfinished`, and `finish` tries
        again. Without such a list it is returned to be read, which comes to the same end. What is not ours is said, and
        left as it is. `on_job` is called before each job.
        """
        try:
            clear(self.outbox)
        except OSError as error:
            self._say(f"{self.outbox / PRIVATE} is not ours and stays as it is: {error.strerror}")
        with Folder.at(self.work) as work:
            found = [name for name in work.names() if not stat.S_ISREG(_mode(work, name))]
        jobs: list[Job] = []
        for name in found:
            on_job()
            try:
                jobs += self._recovered(name, jobs if unfinished is None else unfinished)
            except OSError as error:  # this job's, and not that of the next one
                self._say(f"{self.work / name} is left as it is: {error.strerror}")
        return jobs

    def _recovered(self, job_id: str, unfinished: list[Job]) -> list[Job]:
        """Finish what is half done of one job. Return it where it has to be read. Raise OSError."""
        with self.jobs.opened(job_id) as folder:
            self.jobs.take_over(folder)
            job = self.jobs.read(folder)
            if job is None:
                self.jobs.clear(job_id)
                return []
            job = replace(job, delivery=self.delivery)
            try:
                return [] if self._finish(folder, job) else [self._cut_short(folder, job)]
            except OSError as error:
                self._say(f"{names.printable(job.name)} cannot be finished now: {in_words(error)}")
                unfinished.append(job)
        return []

    def finish(self, job: Job) -> bool:
        """Take a job to the end that an earlier run has begun. Tell whether there was one: else it is to be read."""
        with self.jobs.opened(job.id) as folder:
            return self._finish(folder, job)

    def _finish(self, folder: Folder, job: Job) -> bool:
        if self.is_back(folder, job):
            self.give_back(job)
        elif (lost := lost_bytes(folder, job)) is not None:
            self._fail_lost(job, *lost)
        elif has_changed(job, stat_of(job.source)):
            self.give_back(job)
        elif folder.stat(REASON) is not None:
            self.fail(job, json_file.load(folder, REASON))
        elif (saved := saved_result(folder)) is not None:
            self._deliver_saved(folder, job, saved)
        else:
            return False
        return True

    def _cut_short(self, folder: Folder, job: Job) -> Job:
        """Count the attempt that a crash ended as an interruption, and write that down if the disk has room for it."""
        if not job.attempts:
            return job
        counted = replace(job, attempts=job.attempts - 1, interruptions=job.interruptions + 1)
        with contextlib.suppress(OSError):  # `begin` counts on from there
            self.jobs.save_in(folder, counted)
        return counted

    def _fail_lost(self, job: Job, was: int, left: int) -> None:
        """Fail a document that its sender had not synced when the power failed."""
        error = DocumentError(
            "lost-on-power-cut",
            f"the file had {was} bytes when it was claimed, and {left} are left: the rest was not on disk when the "
            "machine went down",
            "send it again; whoever sends files should sync them (fsync) before forgetting them",
            stage="claim",
        )
        _log.error("inbox %s: %s: %s", self.name, names.printable(job.name), error.message)
        self.fail(job, reason(error, job.name, job.inbox, job=job.id, attempts=job.attempts))

    def _deliver_saved(self, folder: Folder, job: Job, saved: ResultFiles) -> None:
        """Deliver the result that an earlier start has left."""
        try:
            self._publish(folder, job, saved)
        except DocumentError as error:
            self.fail(job, reason(error, job.name, job.inbox, job=job.id, attempts=job.attempts))

    def _say(self, problem: str) -> None:
        _log.warning("inbox %s: %s", self.name, problem)

    def begin(self, job: Job) -> Job:
        """Count one attempt, on disk, before anything of the file is read."""
        with self.jobs.opened(job.id) as folder:
            if has_source(folder, job):  # else it has failed, and only its reason has still to be placed
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
        with self.jobs.opened(job.id) as folder, holder_of(folder, job) as holder:
            holder.sync_file(last_of(job.name))

    def place(self, job: Job, suffix: str) -> Place:
        """Return where an output of the job is put before its result is delivered; to be closed. Raise OSError."""
        return Place(self.jobs.opened(job.id), SAVED + suffix)

    def deliver(self, job: Job, result: RenderedResult) -> Path:
        """Put the result into the outbox, after the outputs that it names, then retire the source.

        Return where the result is. It stays in work/ until the source is retired; that of an earlier attempt is
        delivered in place of this one. Raise OSError where the disk is at fault, DocumentError where people have left
        no name free for it.
        """
        with self.jobs.opened(job.id) as folder:
            files = saved_result(folder)
            if files is None or files.digest != result.files.digest:
                folder.write(RESULT, result.data)
                files = result.files
            return self._publish(folder, job, files)

    def _publish(self, folder: Folder, job: Job, files: ResultFiles) -> Path:
        outbox = Outbox(self.outbox, job.delivery.mode, mark=job.delivery.mark)
        with self._naming:
            target = outbox.publish(folder, job.id, job.name, files)
        self._retire(folder, job)
        self.jobs.clear(job.id)
        self.growing.over(job)
        return target

    def fail(self, job: Job, reason: dict[str, Any]) -> Path:
        """Move the source to failed/ with the reason beside it. Return where the source is.

        What an earlier try of it has done stays done: a source that has been moved is given the reason of that try.
        """
        with self.jobs.opened(job.id) as folder, self._naming:
            if not has_source(folder, job) and (name := failed_as(folder)):
                with self._made_again(name) as place:
                    folder.rename(REASON, place.folder, reason_of(place.name))
                    place.folder.sync()
                    target = place.path
            else:
                target = self._fail(folder, job, reason)
        self.jobs.clear(job.id)
        self.growing.over(job)
        return target

    def _fail(self, folder: Folder, job: Job, reason: dict[str, Any]) -> Path:
        """Move source and reason, to the first place where nothing that people have put there is in the way."""
        problem: OSError | None = None
        with contextlib.ExitStack() as opened:
            at, last = opened.enter_context(holder_of(folder, job)), last_of(job.name)
            for place in self._free(self.failed, job):
                opened.enter_context(place)
                named = {**reason, "failed_as": names.to_json(_relative(place.path, self.failed))}
                try:
                    folder.write(REASON, json_file.dump(named))
                    at.rename(last, place.folder, place.name)
                    at, last = place.folder, place.name
                    at.sync()
                    folder.rename(REASON, at, reason_of(last))
                    at.sync()
                except OSError as error:
                    if not is_of_people(error):
                        raise
                    problem = error
                else:
                    return place.path
        raise problem or OSError

    def _made_again(self, name: str) -> Place:
        """Return the place of a failed file; its folders may have been tidied away since."""
        return target_path(self.failed, name, "again")

    def give_back(self, job: Job) -> None:
        """Return a claimed file to the inbox, under its name, or a tagged one where that has been taken meanwhile."""
        with self.jobs.opened(job.id) as folder, holder_of(folder, job) as holder:
            for name in self._names_back(job):
                with target_path(self.inbox, name, job.id) as place, contextlib.suppress(FileExistsError):
                    holder.move_new(last_of(job.name), place.folder, place.name)
                    break
        self.jobs.clear(job.id)

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
        relative = _relative(failed, self.failed)
        name = names.from_json(reason.get("source")) or relative
        with Folder.at(self.failed) as root, root.holder(relative) as holder:
            last = last_of(relative)
            with target_path(self.inbox, name, "retried") as place:
                holder.move_new(last, place.folder, place.name)
                target = place.path
            holder.unlink(reason_of(last))
        return target

    def _retire(self, folder: Folder, job: Job) -> None:
        """Move the source to done/, or remove it. One that was written to since the last look goes back to the inbox.

        That look comes after the move, so that there is no moment in between. What is written later the audit finds.
        """
        with contextlib.ExitStack() as opened:
            holder, last = opened.enter_context(holder_of(folder, job)), last_of(job.name)
            at, name = (holder, last) if job.delivery.delete else self._moved_to_done(opened, holder, job)
            if not has_changed(job, at.stat(name)):
                if job.delivery.delete:
                    at.unlink(name)
                return
            _log.warning("%s changed while its result was delivered: it is read again", names.printable(job.name))
            folder.unlink(RESULT)  # else a start after a crash would deliver it again
            at.rename(name, holder, last)
            self.growing.returns(job, "it has changed", self.growing.patience.settle)
        self.give_back(job)

    def _moved_to_done(self, opened: contextlib.ExitStack, holder: Folder, job: Job) -> tuple[Folder, str]:
        """Move the source to done/. Return the folder and the name that it has there."""
        problem: OSError | None = None
        with self._naming:
            for place in self._free(self.done, job):
                opened.enter_context(place)
                try:
                    holder.rename(last_of(job.name), place.folder, place.name)
                except OSError as error:
                    if not is_of_people(error):
                        raise
                    problem = error
                else:
                    return place.folder, place.name
        raise problem or OSError

    def _free(self, root: Path, job: Job) -> Iterator[Place]:
        """Yield places under `root` that nothing has: the job's name, and that tagged with the job's id.

        In failed/ no file is called like a reason: which is which would depend on what people have taken away.
        """
        for name in (job.name, names.tagged(job.name, job.id)):
            place = target_path(root, name, job.id)
            if name == job.name and self._is_taken(place, root):
                place.folder.close()
            else:
                yield place

    def _is_taken(self, place: Place, root: Path) -> bool:
        if place.folder.stat(place.name) is not None:
            return True
        if root != self.failed:
            return False
        return place.name.endswith(REASON_SUFFIX) or place.folder.stat(reason_of(place.name)) is not None

    def _names_back(self, job: Job) -> tuple[str, str]:
        return job.name, names.tagged(job.name, job.id)

    def is_back(self, folder: Folder, job: Job) -> bool:
        """Tell whether a crash came between the two steps of giving the file back: it is in both places.

        `folder` is the job's, open.
        """
        with contextlib.suppress(OSError), holder_of(folder, job) as holder, Folder.at(self.inbox) as inbox:
            for name in self._names_back(job):
                with contextlib.suppress(OSError), inbox.holder(name) as at:
                    if holder.is_same(last_of(job.name), at, last_of(name)):
                        return True
        return False


def _relative(path: Path, folder: Path) -> str:
    return os.fspath(path.relative_to(folder))


def _mode(folder: Folder, name: str) -> int:
    found = folder.stat(name)
    return found.st_mode if found else stat.S_IFREG
