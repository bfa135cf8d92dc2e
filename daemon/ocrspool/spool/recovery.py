"""What a start does with the jobs that an earlier run of the service has left in work/.

A job that has an end already is taken to it. A job that has none is returned, to be read (again).
"""

from __future__ import annotations

import contextlib
import logging
import stat
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ocrspool.errors import DocumentError
from ocrspool.files import json_file, names
from ocrspool.files.faults import in_words, is_of_disk
from ocrspool.files.folder import Folder
from ocrspool.files.publish import PRIVATE, clear
from ocrspool.results.rendered import ResultFiles
from ocrspool.spool.delivery import Delivery
from ocrspool.spool.delivery_options import DeliveryOptions
from ocrspool.spool.failing import Failing
from ocrspool.spool.failure_reason import reason
from ocrspool.spool.growing_files import has_changed, stat_of
from ocrspool.spool.job_folder import REASON
from ocrspool.spool.jobs import Job, Jobs, lost_bytes, saved_result
from ocrspool.spool.way_back import WayBack

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recovery:
    """The recovery of one spool."""

    name: str
    work: Path
    outbox: Path
    jobs: Jobs
    delivery: Delivery
    failing: Failing
    way_back: WayBack
    left: set[str] = field(default_factory=set)
    """Folders of jobs that could not be looked at, because the disk was at fault: `again` does."""

    def recover(
        self, delivery: DeliveryOptions, unfinished: list[Job] | None = None, on_job: Callable[[], None] = lambda: None
    ) -> list[Job]:
        """Finish what a crash left half done, and return the jobs that have to be read (again).

        What cannot be finished for now is said, and stops no other job: it is put into `unfinished`, and `finish` tries
        again. Without such a list it is returned to be read, which comes to the same end. What is not ours is said, and
        left as it is. `on_job` is called before each job.
        """
        try:
            clear(self.outbox)
        except OSError as error:
            self._say(f"{self.outbox / PRIVATE} is not ours and stays as it is: {error.strerror}")
        self.left.clear()  # all are looked at: what an earlier look has left must not be looked at twice
        with Folder.at(self.work) as work:
            found = [name for name in work.names() if not stat.S_ISREG(_mode(work, name))]
        jobs: list[Job] = []
        for name in found:
            on_job()
            try:
                jobs += self._recovered(name, delivery, jobs if unfinished is None else unfinished)
            except OSError as error:  # this job's, and not that of the next one
                later = "; it is looked at again later" if is_of_disk(error) else ""
                self._say(f"{self.work / name} is left as it is: {error.strerror}{later}")
                if later:
                    self.left.add(name)
        return jobs

    def again(self, delivery: DeliveryOptions, unfinished: list[Job]) -> list[Job]:
        """Look once more at what the disk did not give. Return the jobs to be read; `unfinished` as for `recover`."""
        jobs: list[Job] = []
        for name in sorted(self.left):
            try:
                jobs += self._recovered(name, delivery, unfinished)
            except OSError as error:
                if is_of_disk(error):
                    continue
            self.left.discard(name)
        return jobs

    def _recovered(self, job_id: str, delivery: DeliveryOptions, unfinished: list[Job]) -> list[Job]:
        """Finish what is half done of one job. Return it where it has to be read. Raise OSError."""
        with self.jobs.opened(job_id) as folder:
            self.jobs.take_over(folder)
            job = self.jobs.read(folder)
            if job is None:
                self.jobs.clear(job_id)
                return []
            job = replace(job, delivery=delivery)
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
        if self.way_back.is_back(folder, job):
            self.way_back.give_back(job)
        elif (lost := lost_bytes(folder, job)) is not None:
            self._fail_lost(job, *lost)
        elif has_changed(job, stat_of(job.source)):
            self.way_back.give_back(job)
        elif folder.stat(REASON) is not None:
            self.failing.fail(job, json_file.load(folder, REASON))
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
        self.failing.fail(job, reason(error, job.name, job.inbox, job=job.id, attempts=job.attempts))

    def _deliver_saved(self, folder: Folder, job: Job, saved: ResultFiles) -> None:
        """Deliver the result that an earlier start has left."""
        try:
            self.delivery.deliver_saved(folder, job, saved)
        except DocumentError as error:
            self.failing.fail(job, reason(error, job.name, job.inbox, job=job.id, attempts=job.attempts))

    def _say(self, problem: str) -> None:
        _log.warning("inbox %s: %s", self.name, problem)


def _mode(folder: Folder, name: str) -> int:
    found = folder.stat(name)
    return found.st_mode if found else stat.S_IFREG
