"""A watched folder: when to scan it, and which of its settled files to claim next.

The thread of the inbox owns it (service/inbox_loop.py). Nothing here waits, except for the disk.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections import deque
from collections.abc import Callable

from ocrspool.config import preflight
from ocrspool.config.job_options import JobOptions, options_of
from ocrspool.config.schema import Inbox, Profile
from ocrspool.errors import ConfigError
from ocrspool.files import mounts
from ocrspool.intake.headroom import FreeSpaceGuard
from ocrspool.intake.scan_reports import ScanReports
from ocrspool.intake.scanner import Scanner
from ocrspool.intake.watcher import TELLS_OF_LOSSES, Watch
from ocrspool.observability.snapshot import Queue
from ocrspool.observability.statistics import KEPT
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.spool.disk_steps import DiskSteps
from ocrspool.spool.failure_reason import FailedFiles, look
from ocrspool.spool.jobs import Job, log_fields
from ocrspool.spool.monitored_spool import MonitoredSpool
from ocrspool.spool.patience import Patience
from ocrspool.spool.snapshot import FileSnapshot
from ocrspool.spool.spool import Spool

_log = logging.getLogger(__name__)

_SCAN_SHARE = 0.1
"""At most this share of the time goes into scanning one inbox, however many events there are."""
_SOONEST_SECONDS = 0.05
_UNSURE_SECONDS = 60.0
"""How long a writer is believed in, where nobody says that events of it may have been lost."""


class InboxIntake:
    """A JobSource (source.py): watches one inbox and claims its files."""

    def __init__(self, name: str, inbox: Inbox, profile: Profile, watch: Watch, steps: DiskSteps | None = None) -> None:
        """Begin with these settings. `steps` gets to know each step that a job takes on the disk."""
        self.name = name
        self._steps = steps or DiskSteps()
        self._is_open = False
        self._settle_in(inbox)
        self._watch = watch
        self._unfinished: deque[Job] = deque()
        """Jobs of the last run that have an end already, and which the disk did not allow to be ended yet."""
        self._recovered: deque[Job] = deque()
        self._settled: deque[FileSnapshot] = deque()
        self._reports = ScanReports(name)
        self._why_polled = ""
        """Why no events come from the kernel; "" when they do."""
        self._set(inbox, profile)

    def _settle_in(self, inbox: Inbox) -> None:
        """Use the folders of these settings."""
        self.spool = Spool(self.name, inbox.folders())
        self.room = FreeSpaceGuard(f"on the disk of {self.spool.work}", lambda: shutil.disk_usage(self.spool.work).free)
        self.store = MonitoredSpool(self.spool, self._steps)
        self.folders = inbox.folders()
        """The folder of each state."""

    @property
    def options(self) -> JobOptions:
        """The options of a job that is claimed now."""
        return options_of(self.inbox, self.profile)

    def start(self) -> None:
        """Be ready to watch. Raise RuntimeError where there is no thread for it."""
        self._watch.start()

    def stop(self) -> None:
        """Watch no more, for good."""
        self._watch.stop()

    def alive(self) -> bool:
        """Tell whether the threads that bring events are there."""
        return self._watch.alive()

    def overflows(self) -> int:
        """Return how often the kernel has lost events, of any inbox."""
        return self._watch.overflows

    def touch(self) -> None:
        """Take a step on the disk, to see whether it answers. Raise OSError."""
        self.spool.lock.touch()

    def open(self, on_job: Callable[[], None] = lambda: None) -> int:
        """Take the spool, finish what a crash left, begin to watch. Return how many jobs will be read again.

        `on_job` is called after each job that was left. Raise ConfigError where the folders cannot be used as they are,
        SpoolBusyError, or OSError of the disk.
        """
        if problems := preflight.of_inbox(self.name, self.inbox):
            raise ConfigError(problems)
        self.spool.open()
        unfinished: list[Job] = []
        self._recovered = deque(self.spool.recover(unfinished, on_job))
        self._unfinished = deque(unfinished)
        self._begin_watching()
        self._is_open = True
        return len(self._recovered) + len(self._unfinished)

    def unfinished_count(self) -> int:
        """Return how many jobs only have to be taken to their end."""
        return len(self._unfinished)

    def unfinished(self) -> Job | None:
        """Return the next job that only has to be taken to its end; None where there is none."""
        return self._unfinished.popleft() if self._unfinished else None

    def change(self, inbox: Inbox, profile: Profile) -> None:
        """Go on with other settings. The folders stay the same once it is open."""
        if not self._is_open:
            self._settle_in(inbox)
            self._set(inbox, profile)
            return
        stays = (inbox.recursive, inbox.watch) == (self.inbox.recursive, self.inbox.watch)
        self._set(inbox, profile)
        if not (stays and self._watch.is_watching(self.spool.inbox)):  # else it is known who has which file open
            self._watch.remove(self.spool.inbox)
            self._begin_watching()

    def _set(self, inbox: Inbox, profile: Profile) -> None:
        """Begin anew with these settings. What was known of files that settle is lost, which costs one settle time."""
        self.inbox, self.profile = inbox, profile
        self.spool.delivery = inbox.delivery()
        self.patience = self.spool.growing.patience = patience_of(inbox)
        self._scanner = Scanner(
            str(self.spool.inbox),
            inbox.rules(),
            self.patience,
            inbox.recursive,
            time.monotonic,
        )
        self._settled.clear()
        self._oldest: float | None = None
        self._next_scan = 0.0
        self._next_check = 0.0
        self._earliest_scan = 0.0

    def _begin_watching(self) -> None:
        """Let the kernel send events, as far as it can."""
        sends = self.inbox.watch == "events" or mounts.sends_events(self.spool.inbox)
        why = "as configured" if self.inbox.watch == "poll" else "" if sends else "a network filesystem sends no events"
        level = logging.INFO
        if not why and (why := self._watch.add(self.spool.inbox, recursive=self.inbox.recursive)):
            level = logging.WARNING
        if why and why != self._why_polled:
            _log.log(level, "inbox %s is polled every %g s: %s", self.name, self.inbox.poll_seconds, why)
        elif self._why_polled and not why:
            _log.info("inbox %s has kernel events again", self.name)
        self._why_polled = why

    def _check_watch(self, now: float) -> None:
        """Watch anew where the folder of this name is another one by now, or could not be watched so far."""
        if now < self._next_check:
            return
        if not self._watch.is_watching(self.spool.inbox):
            self._watch.remove(self.spool.inbox)
            self._begin_watching()
            self._next_scan = now
        self._next_check = now + (self.inbox.rescan_seconds if self._why_polled else self.inbox.poll_seconds)

    def scan_if_due(self) -> None:
        """Look at the inbox if an event, the timer or a settling file asks for it."""
        now = time.monotonic()
        self._check_watch(now)
        hint = self._watch.hint(self.spool.inbox, take=now >= self._earliest_scan)
        if hint.arrived:
            self._next_scan = now
        if now < max(self._next_scan, self._earliest_scan):
            return
        while self.spool.growing.alone:
            self._scanner.leave_alone(*self.spool.growing.alone.popleft())
        unfinished: list[Job] = []
        self._recovered.extend(self.spool.recover_again(unfinished))
        self._unfinished.extend(unfinished)
        written = self._watch.written_since(self.spool.inbox)
        scan = self._scanner.scan(hint.renamed, written)
        took = time.monotonic() - now
        self._settled = deque(scan.settled)
        self._oldest = min((seen.ctime_ns / 1e9 for seen in scan.settled), default=None)
        self._earliest_scan = now + took + max(_SOONEST_SECONDS, took / _SCAN_SHARE)
        # What could not be read raises no event when it can be.
        soon = self._why_polled or scan.problems or self.spool.has_left()
        self._next_scan = now + (self.inbox.poll_seconds if soon else self.inbox.rescan_seconds)
        if scan.due is not None:
            self._next_scan = min(self._next_scan, scan.due)
        if self._reports.has_problems() and not scan.problems:
            self._next_check = 0.0  # the folder that can be read again may be another one
        self._reports.report(scan, written, self.patience.writer)

    def claim(self, least_mb: int = 0) -> Job | None:
        """Return the next job: one left by the last run, or the oldest settled file.

        None when there is neither, or less room than this on the disk.
        """
        if not self.room.enough(least_mb):
            return None
        if self._recovered:
            return self._recovered.popleft()
        while self._settled:
            seen = self._settled.popleft()
            self._reports.claims(seen)
            try:
                job = self.spool.claim(seen)
            except OSError as error:
                # The files behind it do not wait.
                self._reports.cannot_claim(seen, error)
                self._next_scan = min(self._next_scan, time.monotonic() + self.inbox.poll_seconds)
                continue
            if job is not None:
                self._scanner.forget(seen)
                self._reports.claimed(seen)
                claimed = {**log_fields(job), "event": "claimed"}
                _log.info("claimed %s (%s)", claimed["file"], self.name, extra=claimed)
                return job
            self._scanner.unsettle(seen)
            self._next_scan = min(self._next_scan, time.monotonic() + self.inbox.settle_seconds)
        return None

    def next_scan(self) -> float:
        """Return when `scan_if_due` wants to be called next, on the monotonic clock."""
        return max(min(self._next_scan, self._next_check), self._earliest_scan)

    def waiting(self) -> int:
        """Return how many files wait, as far as the last scan knows. Those that could not be claimed count too.

        Each scan lets them be tried again.
        """
        return len(self._settled) + len(self._recovered) + len(self._unfinished)

    def queue(self) -> Queue:
        """Return what waits, as far as the last scan knows. Another thread may ask."""
        return self._reports.queue(self.waiting(), self._oldest, self.spool.inbox)

    def failed_files(self) -> FailedFiles:
        """Return what lies in failed/ now. Raise OSError."""
        return look(self.spool.failed, self.name, KEPT)

    def rest(self) -> None:
        """Stop watching. Jobs that have begun go on."""
        self._watch.remove(self.spool.inbox)
        self._settled.clear()

    def close(self) -> None:
        """Leave the jobs that have not begun in work/, and release the spool."""
        self._is_open = False
        self.rest()
        self._recovered.clear()
        self._unfinished.clear()
        self.spool.close()

    def unreadable(self) -> str:
        """Return why the inbox itself could not be looked at when it was scanned last; "" where it could."""
        return self._reports.unreadable(self.spool.inbox)


def patience_of(inbox: Inbox) -> Patience:
    """Return how long files of an inbox are waited for."""
    writer = inbox.writer_seconds if TELLS_OF_LOSSES else min(inbox.writer_seconds, _UNSURE_SECONDS)
    return Patience(inbox.settle_seconds, writer, inbox.incomplete_seconds)


def watched_folder(name: str, inbox: Inbox, profile: Profile, wake: WakeupEvent, steps: DiskSteps) -> InboxIntake:
    """Return the jobs of an inbox as files that arrive in a folder; each event sets `wake`."""
    return InboxIntake(name, inbox, profile, Watch(wake), steps)
