"""Moves a source to failed/, with its reason beside it."""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocrspool.files import json_file, names
from ocrspool.files.faults import is_of_people
from ocrspool.files.folder import Folder
from ocrspool.files.target_path import Place, target_path
from ocrspool.spool.failure_reason import reason_of
from ocrspool.spool.free_places import free_places
from ocrspool.spool.growing_files import GrowingFiles
from ocrspool.spool.job_folder import REASON
from ocrspool.spool.jobs import Job, Jobs, failed_as, has_source, holder_of, last_of


@dataclass(frozen=True, slots=True)
class Failing:
    """The failures of one spool."""

    failed: Path
    jobs: Jobs
    growing: GrowingFiles
    naming: threading.Lock
    """Held while a free name is looked for and taken."""

    def fail(self, job: Job, reason: dict[str, Any]) -> Path:
        """Move the source to failed/ with the reason beside it. Return where the source is.

        What an earlier try of it has done stays done: a source that has been moved is given the reason of that try.
        """
        with self.jobs.opened(job.id) as folder, self.naming:
            name = failed_as(folder)
            if name and not self._is_left(folder, job, name):
                target = self._give_reason(folder, job, name)
            else:
                with holder_of(folder, job) as holder:
                    target = self._fail(folder, job, reason, Place(holder, last_of(job.name)))
        self.jobs.clear(job.id)
        self.growing.over(job)
        return target

    def _is_left(self, folder: Folder, job: Job, name: str) -> bool:
        """Tell whether the source is in work still, and not in failed/ under this name. It is taken from work/ there.

        On btrfs it may have both names after a power cut.
        """
        if not has_source(folder, job):
            return False
        with holder_of(folder, job) as holder, self._made_again(name) as place:
            if not holder.is_same(last_of(job.name), place.folder, place.name):
                return True
            holder.unlink(last_of(job.name))
        return False

    def _give_reason(self, folder: Folder, job: Job, name: str) -> Path:
        """Put the reason beside a source that an earlier try has moved to failed/ under this name.

        Where something has appeared under the name of the reason meanwhile, it stays, and the two get another name.
        """
        with self._made_again(name) as place:
            beside = reason_of(place.name)
            if place.folder.stat(place.name) is None:  # people have taken it away, and nobody needs its reason
                return place.path
            if place.folder.stat(beside) is None or folder.is_same(REASON, place.folder, beside):
                with contextlib.suppress(FileExistsError):
                    folder.rename_new(REASON, place.folder, beside)
                    place.folder.sync()
                    return place.path
            return self._fail(folder, job, json_file.load(folder, REASON), place)

    def _fail(self, folder: Folder, job: Job, reason: dict[str, Any], source: Place) -> Path:
        """Move source and reason, to the first place where nothing that people have put there is in the way."""
        problem: OSError | None = None
        at, last = source.folder, source.name
        with contextlib.ExitStack() as opened:
            for place in free_places(self.failed, job, with_reason=True):
                opened.enter_context(place)
                named = {**reason, "failed_as": names.to_json(os.fspath(place.path.relative_to(self.failed)))}
                try:
                    folder.write(REASON, json_file.dump(named))
                    at.rename_new(last, place.folder, place.name)
                    before, at, last = at, place.folder, place.name
                    at.sync()
                    before.sync()  # else btrfs may bring the source back after a power cut
                    folder.rename_new(REASON, at, reason_of(last))
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
