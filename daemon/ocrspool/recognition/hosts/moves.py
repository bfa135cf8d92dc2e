"""Pages and files of hosts that are away are read by others, twice at most where the host may have died of them."""

from __future__ import annotations

import logging

from ocrspool.errors import EngineError
from ocrspool.recognition.hosts.file_queue import FileQueue, FileTask
from ocrspool.recognition.hosts.roster import Task
from ocrspool.recognition.hosts.shown import counted_tasks
from ocrspool.recognition.page_queue import PageQueue

_log = logging.getLogger(__name__)

_MOST_MOVES = 2
"""A page that a third host would get is not given away any more: it may be what its hosts died of."""
_MOVED = {"event": "pages-moved"}


class Moves:
    """Gives pages and files back to where they came from. One thread moves; any thread may read the count."""

    def __init__(self, pages: PageQueue, files: FileQueue) -> None:
        self._pages = pages
        self._files = files
        self.count = 0
        """Pages and files that were moved so far."""

    def move(self, tasks: list[Task], reason: str, *, counts: bool) -> None:
        """Have pages and files read by somebody else. The oldest comes first.

        `counts` tells whether their host may have died of them.
        """
        if tasks and not self._pages.closed:
            _log.warning("%s of a host wait for another one: %s", counted_tasks(tasks), reason, extra=_MOVED)
        for task in reversed(tasks):
            task.moves += counts
            if task.moves > _MOST_MOVES:
                self._give_up(task, reason)
                continue
            self.count += 1
            if isinstance(task, FileTask):
                self._files.give_back(task)
            else:
                self._pages.give_back(task)

    def _give_up(self, task: Task, reason: str) -> None:
        """Move a page or a file no more."""
        if isinstance(task, FileTask):
            task.complete(EngineError(f"{task.moves} hosts that had this file were lost: {reason}"))
        else:
            self._pages.complete(task, EngineError(f"{task.moves} hosts that had this page were lost: {reason}"))
