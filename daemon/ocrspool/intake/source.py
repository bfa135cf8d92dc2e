"""Where the thread of an inbox gets its jobs: a watched folder (inbox.py), or what a test has prepared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from ocrspool.config.job_options import JobOptions
from ocrspool.config.schema import Inbox, Profile
from ocrspool.intake.headroom import FreeSpaceGuard
from ocrspool.observability.snapshot import Queue
from ocrspool.spool.failure_reason import FailedFiles
from ocrspool.spool.job_store import JobStore
from ocrspool.spool.jobs import Job


class JobSource(Protocol):
    """Jobs of one inbox. One thread owns it. What only looks at memory may be asked by the main thread too."""

    @property
    def store(self) -> JobStore:
        """Where the jobs are kept."""

    @property
    def room(self) -> FreeSpaceGuard:
        """The free space on the disk of the jobs. Its attributes may be read by the main thread."""

    @property
    def folders(self) -> Mapping[str, Path]:
        """The folder of each state, for messages."""

    @property
    def options(self) -> JobOptions:
        """The options of a job that is claimed now."""

    def start(self) -> None:
        """Be ready to watch. Raise RuntimeError where there is no thread for it. The main thread calls this."""

    def stop(self) -> None:
        """Watch no more, for good."""

    def open(self, on_job: Callable[[], None]) -> int:
        """Take hold of the jobs, and finish what a crash left. Return how many jobs will be read again.

        `on_job` is called after each job that was left. Raise ConfigError, SpoolBusyError or OSError where it cannot
        begin as things are.
        """

    def close(self) -> None:
        """Leave the jobs that were not begun, and let go of all. Raise OSError."""

    def change(self, inbox: Inbox, profile: Profile) -> None:
        """Go on with other settings."""

    def rest(self) -> None:
        """Find nothing more. Jobs that have begun go on."""

    def scan_if_due(self) -> None:
        """Look for files if an event, the timer or a settling file asks for it."""

    def next_scan(self) -> float:
        """Return when `scan_if_due` wants to be called next, on the monotonic clock."""

    def claim(self, least_mb: int) -> Job | None:
        """Return the next job; None where there is none, or less room than this on the disk."""

    def unfinished(self) -> Job | None:
        """Return the next job that only has to be taken to its end; None where there is none."""

    def touch(self) -> None:
        """Take a step on the disk, to see whether it answers. Raise OSError."""

    def failed_files(self) -> FailedFiles:
        """Return what lies in failed/ now. Raise OSError."""

    # What only looks at memory.

    def alive(self) -> bool:
        """Tell whether the threads that bring events are there."""

    def overflows(self) -> int:
        """Return how often the kernel has lost events, of any inbox."""

    def unfinished_count(self) -> int:
        """Return how many jobs only have to be taken to their end."""

    def waiting(self) -> int:
        """Return how many files could be claimed, as far as the last scan knows."""

    def queue(self) -> Queue:
        """Return what waits, as far as the last scan knows."""

    def unreadable(self) -> str:
        """Return why the inbox could not be looked at when it was scanned last; "" where it could."""
