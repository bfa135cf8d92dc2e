"""Files that wait for a host that decodes and reads them itself, and what a host is asked about one."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from ocrspool.config.schema import Profile
from ocrspool.recognition.hosts.file_answers import FileOutcome
from ocrspool.recognition.hosts.transport_choice import HostWay
from ocrspool.recognition.page_queue import stopping


@dataclass(slots=True, eq=False)
class FileTask:
    """Some pages of a file, which are to be decoded and read at one host. It owns a descriptor of the file."""

    fd: int
    """A memory file with the bytes of the file."""
    size: int
    """Bytes of the file."""
    profile: Profile
    first: int
    """The index of the first page that is wanted."""
    most: int
    """At most so many pages are wanted."""
    may_grow: bool = False
    key: str = ""
    """Under which a host keeps the file while there are more pages to read."""
    pages: int = 1
    """How many pages that is, as far as is known before the file has been opened."""
    future: Future[FileOutcome | None] = field(default_factory=Future)
    """None: no host reads it, so it has to be decoded here. It raises nothing."""
    moves: int = 0
    """How often a host that had it was lost."""
    begun: bool = False
    """Whether a host has had it. Its future cannot be cancelled any more."""
    alone: bool = False
    """Never: the files of suspects are decoded here."""

    def request(self) -> dict[str, Any]:
        """Return what a host is asked."""
        profile = self.profile
        return {
            "dpi": profile.dpi,
            "page_side": profile.page_side,
            "options": profile.page_options().to_json(),
            "may_grow": self.may_grow,
            "first": self.first,
            "most": self.most,
            "key": self.key,
        }

    def complete(self, outcome: FileOutcome | None) -> None:
        """Publish what became of it, and close the file."""
        os.close(self.fd)
        self.future.set_result(outcome)

    def begin(self) -> bool:
        """Tell whether it is still wanted. From then on it cannot be cancelled."""
        self.begun = self.begun or self.future.set_running_or_notify_cancel()
        return self.begun


class FileHosts(Protocol):
    """The hosts, as whole files are given to them. The seat (seat.py) is one."""

    def ways(self) -> list[HostWay]:
        """Return the way of whole files to each host that takes them."""

    def read_file(self, task: FileTask) -> None:
        """Have a host decode and read a file: the future of the task tells."""

    def forget_file(self, key: str) -> None:
        """Have the hosts that keep a file drop it."""


class FileQueue:
    """Files that no host has yet. Any thread may call it."""

    def __init__(self, on_file: Callable[[], object]) -> None:
        """`on_file` is called whenever there is a file to be given away."""
        self._on_file = on_file
        self._waiting: deque[FileTask] = deque()
        self._changing = threading.Lock()
        self._closed = False

    def put(self, task: FileTask) -> None:
        """Add a file."""
        self._add(task, self._waiting.append)

    def give_back(self, task: FileTask) -> None:
        """Have a file read before all others: who had it has gone."""
        self._add(task, self._waiting.appendleft)

    def take(self) -> FileTask | None:
        """Return the next file that is still wanted."""
        while True:
            with self._changing:
                if not self._waiting:
                    return None
                task = self._waiting.popleft()
            if task.begin():
                return task
            os.close(task.fd)

    def return_all(self) -> None:
        """Have all files that wait decoded here: no host takes any."""
        while (task := self.take()) is not None:
            task.complete(None)

    def close(self) -> None:
        """Take no more files. Those that wait fail with EngineError."""
        with self._changing:
            self._closed = True
        while (task := self.take()) is not None:
            task.complete(stopping())

    def _add(self, task: FileTask, add: Callable[[FileTask], None]) -> None:
        with self._changing:
            if not self._closed:
                add(task)
                self._on_file()
                return
        if task.begin():
            task.complete(stopping())
        else:
            os.close(task.fd)
