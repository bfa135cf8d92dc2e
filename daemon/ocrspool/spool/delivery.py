"""Delivers a result: its files appear in the outbox, then its source is retired to done/ or removed.

The result stays in work/ until the source is retired. So a delivery that a crash cut short is repeated byte for byte.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from ocrspool.files import names
from ocrspool.files.faults import is_of_people
from ocrspool.files.folder import Folder
from ocrspool.files.target_path import target_path
from ocrspool.results.rendered import RenderedResult, ResultFiles
from ocrspool.spool.free_places import free_places
from ocrspool.spool.growing_files import GrowingFiles, has_changed
from ocrspool.spool.job_folder import JOB, RESULT
from ocrspool.spool.jobs import Job, Jobs, holder_of, last_of, saved_result, size_note
from ocrspool.spool.outbox import BEGUN, SAVED, Outbox
from ocrspool.spool.turns import Turns
from ocrspool.spool.way_back import WayBack

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """The deliveries of one spool."""

    outbox: Path
    done: Path
    jobs: Jobs
    growing: GrowingFiles
    way_back: WayBack
    naming: threading.Lock
    """Held while a free name is looked for and taken."""
    turns: Turns
    promised: dict[str, str] = field(default_factory=dict)
    """The paths below done/ that results tell of sources that are still in work/, each with the id of the job."""

    def done_as(self, job: Job) -> str:
        """Return the path below done/ that no file has, and no other job in work; "" where the source is not kept.

        It is "" too where done/ cannot be used now. People can still put a file there before the source comes. Then the
        source gets another name.
        """
        if job.delivery.delete:
            return ""
        with self.turns, self.naming, contextlib.suppress(OSError):
            for place in free_places(self.done, job):
                with place:
                    name = place.below(self.done)
                    if place.folder.stat(place.name) is None and not self._is_promised(name, job):
                        self.promised[name] = job.id
                        return name
        return ""

    def _is_promised(self, name: str, job: Job) -> bool:
        """Tell whether another job that is still in work has this path."""
        other = self.promised.get(name)
        return other is not None and other != job.id and self.jobs.has(other)

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
            return self.deliver_saved(folder, job, files)

    def deliver_saved(self, folder: Folder, job: Job, files: ResultFiles) -> Path:
        """Deliver the result that lies in the open folder of a job, then retire the source. Raise as `deliver` does."""
        outbox = Outbox(self.outbox, job.delivery.mode, mark=job.delivery.mark)
        with self.turns, self.naming:
            place = outbox.publish(folder, job.id, job.name, files)
        with place:
            place.folder.sync()  # on disk before the source is retired; others deliver meanwhile
            target = place.path
        with self.turns:
            retired = self._retire(folder, job, files.done_as)
            if retired and not self.jobs.moves_come_late:
                self.jobs.clear_delivered(folder, job.id, _records(job, files))
        if not retired:
            self.way_back.give_back(job)
        elif self.jobs.moves_come_late:
            with holder_of(folder, job) as holder:
                holder.sync()  # else a power cut may bring the source back, and not its result
            with self.turns:
                self.jobs.clear_delivered(folder, job.id, _records(job, files))
        self.growing.over(job)
        return target

    def _retire(self, folder: Folder, job: Job, done_as: str) -> bool:
        """Move the source to done/, or remove it. Tell whether it is gone: it is not if it was written to meanwhile.

        That look comes after the move, so that there is no moment in between. What is written later the audit finds.
        """
        with contextlib.ExitStack() as opened:
            holder, last = opened.enter_context(holder_of(folder, job)), last_of(job.name)
            at, name = (holder, last) if job.delivery.delete else self._moved_to_done(opened, holder, job, done_as)
            if not has_changed(job, at.stat(name)):
                if job.delivery.delete:
                    at.unlink(name)
                return True
            _log.warning("%s changed while its result was delivered: it is read again", names.printable(job.name))
            folder.unlink(RESULT)  # else a start after a crash would deliver it again
            at.rename(name, holder, last)
            self.growing.returns(job, "it has changed", self.growing.patience.settle)
        return False

    def _moved_to_done(
        self, opened: contextlib.ExitStack, holder: Folder, job: Job, done_as: str
    ) -> tuple[Folder, str]:
        """Move the source to done/, under the name that its result tells if it can be. Return where it is there."""
        problem: OSError | None = None
        promised = [target_path(self.done, done_as, job.id)] if done_as else []
        with self.naming:
            self.promised.pop(done_as, None)
            for place in chain(promised, free_places(self.done, job)):
                opened.enter_context(place)
                try:
                    holder.rename_new(last_of(job.name), place.folder, place.name)
                except OSError as error:
                    if not is_of_people(error):
                        raise
                    problem = error
                else:
                    if problem is not None and done_as:
                        told = names.printable(done_as)
                        _log.warning(
                            "%s: somebody has put a file at %s in done/: the source is %s there",
                            names.printable(job.name),
                            told,
                            names.printable(place.name),
                        )
                    return place.folder, place.name
        raise problem or OSError


def _records(job: Job, files: ResultFiles) -> Iterator[str]:
    """Yield the files that lie in the folder of a job that was delivered, as a rule."""
    yield from (JOB, RESULT)
    if job.seen is not None:
        yield size_note(job.seen.size)
    yield from (SAVED + suffix for suffix in files.suffixes)
    if files.suffixes:
        yield BEGUN
