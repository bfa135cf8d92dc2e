"""How a file returns to the inbox: from work/, because somebody still writes to it, or from failed/."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocrspool.files import names
from ocrspool.files.faults import unless_of_disk
from ocrspool.files.folder import Folder
from ocrspool.files.target_path import target_path
from ocrspool.spool.failure_reason import reason_of
from ocrspool.spool.jobs import Job, Jobs, holder_of, last_of


@dataclass(frozen=True, slots=True)
class WayBack:
    """The ways back to one inbox."""

    inbox: Path
    failed: Path
    jobs: Jobs

    def give_back(self, job: Job) -> None:
        """Return a claimed file to the inbox, under its name, or a tagged one where that has been taken meanwhile."""
        with self.jobs.opened(job.id) as folder, holder_of(folder, job) as holder:
            for name in _names_back(job):
                with target_path(self.inbox, name, job.id) as place, contextlib.suppress(FileExistsError):
                    holder.move_new(last_of(job.name), place.folder, place.name)
                    break
        self.jobs.clear(job.id)

    def is_back(self, folder: Folder, job: Job) -> bool:
        """Tell whether a crash came between the two steps of giving the file back: it is in both places.

        `folder` is the job's, open. Raise OSError where the disk is at fault.
        """
        with unless_of_disk(), holder_of(folder, job) as holder, Folder.at(self.inbox) as inbox:
            for name in _names_back(job):
                with unless_of_disk(), inbox.holder(name) as at:
                    if holder.is_same(last_of(job.name), at, last_of(name)):
                        return True
        return False

    def retry(self, failed: Path, reason: dict[str, Any]) -> Path:
        """Move a failed file back to the inbox, under the name it came with. Raise FileExistsError."""
        relative = os.fspath(failed.relative_to(self.failed))
        name = names.from_json(reason.get("source")) or relative
        with Folder.at(self.failed) as root, root.holder(relative) as holder:
            last = last_of(relative)
            with target_path(self.inbox, name, "retried") as place:
                holder.move_new(last, place.folder, place.name)
                target = place.path
            holder.unlink(reason_of(last))
        return target


def _names_back(job: Job) -> tuple[str, str]:
    return job.name, names.tagged(job.name, job.id)
