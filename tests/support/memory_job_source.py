"""An inbox in memory: a test drops names, and its disk fails when the test says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ocrspool.config.job_options import JobOptions, options_of
from ocrspool.config.schema import Inbox, Profile
from ocrspool.intake.headroom import FreeSpaceGuard
from ocrspool.observability.snapshot import Queue
from ocrspool.spool.failure_reason import FailedFiles
from ocrspool.spool.jobs import Job
from support.memory_job_store import MemoryJobStore


class MemoryJobSource:
    """A JobSource without folders."""

    def __init__(self, inbox: Inbox, profile: Profile) -> None:
        self._inbox, self._profile = inbox, profile
        self.store = MemoryJobStore(Path("/nowhere"))
        self.free = 1 << 40
        self.room = FreeSpaceGuard("here", lambda: self.free)
        self.folders = inbox.folders()
        self.files: list[str] = []
        self.left: list[Job] = []
        """Jobs that only have to be taken to their end."""
        self.open_errors: list[Exception] = []
        self.scan_errors: list[Exception] = []
        self.calls: list[str] = []
        self.is_alive = True
        self.problem = ""

    @property
    def options(self) -> JobOptions:
        return options_of(self._inbox, self._profile)

    def start(self) -> None:
        self.calls.append("start")

    def stop(self) -> None:
        self.calls.append("stop")

    def open(self, on_job: Callable[[], None]) -> int:
        self.calls.append("open")
        if self.open_errors:
            raise self.open_errors.pop(0)
        for _ in self.left:
            on_job()
        return len(self.left)

    def close(self) -> None:
        self.calls.append("close")

    def change(self, inbox: Inbox, profile: Profile) -> None:
        self._inbox, self._profile = inbox, profile

    def rest(self) -> None:
        self.calls.append("rest")

    def scan_if_due(self) -> None:
        if self.scan_errors:
            raise self.scan_errors.pop(0)

    def next_scan(self) -> float:
        return time.monotonic() + 60

    def claim(self, least_mb: int) -> Job | None:
        if not self.room.enough(least_mb) or not self.files:
            return None
        name = self.files.pop(0)
        return Job(name, "a", name, Path("/nowhere") / name)

    def unfinished(self) -> Job | None:
        return self.left.pop(0) if self.left else None

    def touch(self) -> None:
        self.calls.append("touch")

    def failed_files(self) -> FailedFiles:
        return FailedFiles(0, ())

    def alive(self) -> bool:
        return self.is_alive

    def overflows(self) -> int:
        return 0

    def unfinished_count(self) -> int:
        return len(self.left)

    def waiting(self) -> int:
        return len(self.files)

    def queue(self) -> Queue:
        return Queue(waiting=len(self.files))

    def unreadable(self) -> str:
        return self.problem
