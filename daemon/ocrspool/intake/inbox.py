"""One inbox at work: when to scan it, and which of its settled files to claim next.

The thread of the inbox owns it (service/inbox_thread.py). Nothing here waits, except for the disk.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ocrspool.config.schema import Inbox, Profile
from ocrspool.files import mounts, names
from ocrspool.intake.headroom import FreeSpaceGuard
from ocrspool.intake.scanner import Scan, Scanner
from ocrspool.intake.watcher import TELLS_OF_LOSSES, Watch
from ocrspool.observability.snapshot import Queue
from ocrspool.observability.statistics import KEPT
from ocrspool.spool.failure_reason import FailedFiles, look
from ocrspool.spool.jobs import Job, log_fields
from ocrspool.spool.patience import Patience
from ocrspool.spool.snapshot import FileSnapshot
from ocrspool.spool.spool import Spool

_log = logging.getLogger(__name__)

_SCAN_SHARE = 0.1
"""At most this share of the time goes into scanning one inbox, however many events there are."""
_SOONEST_SECONDS = 0.05
_UNSURE_SECONDS = 60.0
"""How long a writer is believed in, where nobody says that events of it may have been lost."""


@dataclass(frozen=True, slots=True)
class _Unclaimable:
    """Why a file cannot be claimed, and when it came, in seconds of the epoch."""

    text: str
    since: float


class InboxIntake:
    """Watches one inbox and claims its files."""

    def __init__(self, name: str, inbox: Inbox, profile: Profile, watch: Watch) -> None:
        self.name = name
        self.spool = Spool(name, inbox.folders())
        self.room = FreeSpaceGuard(f"on the disk of {self.spool.work}", lambda: shutil.disk_usage(self.spool.work).free)
        self._watch = watch
        self._unfinished: deque[Job] = deque()
        """Jobs of the last run that have an end already, which the disk did not take."""
        self._recovered: deque[Job] = deque()
        self._settled: deque[FileSnapshot] = deque()
        self._problems: list[str] = []
        self._why_polled = ""
        """Why no events come from the kernel; "" when they do."""
        self._unclaimable: dict[str, _Unclaimable] = {}
        """The files that cannot be claimed, by name. The log has named each of them once."""
        self._to_try_again = 0
        """How many of the settled files are among them."""
        self._held: frozenset[str] = frozenset()
        """Names of files that wait for their writer, as far as the last scan knows."""
        self._said: frozenset[str] = frozenset()
        """Names of open files that it has been said of that they wait,"""
        self._overdue: frozenset[str] = frozenset()
        """and of those that have waited for too long."""
        self._set(inbox, profile)

    def open(self, on_job: Callable[[], None] = lambda: None) -> int:
        """Take the spool, finish what a crash left, begin to watch. Return how many jobs will be read again.

        `on_job` is called after each job that was left. Raise SpoolBusyError, or OSError of the disk.
        """
        self.spool.open()
        unfinished: list[Job] = []
        self._recovered = deque(self.spool.recover(unfinished, on_job))
        self._unfinished = deque(unfinished)
        self._begin_watching()
        return len(self._recovered) + len(self._unfinished)

    def unfinished_count(self) -> int:
        """Return how many jobs only have to be taken to their end."""
        return len(self._unfinished)

    def unfinished(self) -> Job | None:
        """Return the next job that only has to be taken to its end; None where there is none."""
        return self._unfinished.popleft() if self._unfinished else None

    def change(self, inbox: Inbox, profile: Profile) -> None:
        """Go on with other settings of the same folders."""
        stays = (inbox.recursive, inbox.watch) == (self.inbox.recursive, self.inbox.watch)
        self._set(inbox, profile)
        if not (stays and self._watch.is_watching(self.spool.inbox)):  # else it is known who has which file open
            self._watch.remove(self.spool.inbox)
            self._begin_watching()

    def _set(self, inbox: Inbox, profile: Profile) -> None:
        """Begin anew with these settings: what was known of files that settle is lost, and costs one settle time."""
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
        """Have the kernel send events, as far as it can."""
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
        """Watch anew when the folder of this name is not the one that is watched any more, or could not be so far."""
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
        written = self._watch.written_since(self.spool.inbox)
        scan = self._scanner.scan(hint.renamed, written)
        took = time.monotonic() - now
        self._settled = deque(scan.settled)
        self._oldest = min((seen.ctime_ns / 1e9 for seen in scan.settled), default=None)
        if self._unclaimable:
            there = {seen.name for seen in scan.settled}
            self._unclaimable = {name: why for name, why in self._unclaimable.items() if name in there}
        self._to_try_again = len(self._unclaimable)
        self._earliest_scan = now + took + max(_SOONEST_SECONDS, took / _SCAN_SHARE)
        soon = self._why_polled or scan.problems  # what could not be read raises no event when it can be
        self._next_scan = now + (self.inbox.poll_seconds if soon else self.inbox.rescan_seconds)
        if scan.due is not None:
            self._next_scan = min(self._next_scan, scan.due)
        self._report_open(scan, written)
        self._report(scan)

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
            self._to_try_again -= seen.name in self._unclaimable
            try:
                job = self.spool.claim(seen)
            except OSError as error:
                self._cannot_claim(seen, error)
                continue
            if job is not None:
                self._scanner.forget(seen)
                self._unclaimable.pop(seen.name, None)
                claimed = {**log_fields(job), "event": "claimed"}
                _log.info("claimed %s (%s)", claimed["file"], self.name, extra=claimed)
                return job
            self._scanner.unsettle(seen)
            self._next_scan = min(self._next_scan, time.monotonic() + self.inbox.settle_seconds)
        return None

    def _cannot_claim(self, seen: FileSnapshot, error: OSError) -> None:
        """Say once why a file stays where it is, and look again. Files behind it do not wait, however many it is of."""
        why = f"{names.printable(seen.name)}: {error.strerror}"
        if isinstance(error, PermissionError):
            why += "; the service has to have write permission for its folder"
        if seen.name not in self._unclaimable:
            _log.error("inbox %s: cannot claim %s", self.name, why)
        self._unclaimable[seen.name] = _Unclaimable(why, seen.ctime_ns / 1e9)
        self._next_scan = min(self._next_scan, time.monotonic() + self.inbox.poll_seconds)

    def next_scan(self) -> float:
        """Return when `scan_if_due` wants to be called next, on the monotonic clock."""
        return max(min(self._next_scan, self._next_check), self._earliest_scan)

    def waiting(self) -> int:
        """Return how many files could be claimed, as far as the last scan knows. Those that could not be count too.

        Each scan lets them be tried again.
        """
        return len(self._settled) + len(self._recovered) + len(self._unfinished)

    def queue(self) -> Queue:
        """Return what waits, as far as the last scan knows. Another thread may ask: each list is copied at once."""
        unclaimable, closed = list(self._unclaimable.values()), self._closed()
        claimable = max(0, self.waiting() - self._to_try_again)
        whys = [why.text for why in unclaimable] + closed
        since = [why.since for why in unclaimable]
        if claimable and self._oldest is not None:
            since.append(self._oldest)
        return Queue(
            waiting=claimable,
            oldest=min(since, default=None),
            open=len(self._held),
            unclaimable=len(whys),
            unclaimable_reason=names.printable(whys[0]) if whys else "",
        )

    def failed_files(self) -> FailedFiles:
        """Return what lies in failed/ now. Raise OSError."""
        return look(self.spool.failed, self.name, KEPT)

    def rest(self) -> None:
        """Stop watching; jobs that have been begun go on."""
        self._watch.remove(self.spool.inbox)
        self._settled.clear()

    def close(self) -> None:
        """Leave the jobs that were not begun in work/, and let go of the spool."""
        self.rest()
        self._recovered.clear()
        self._unfinished.clear()
        self.spool.close()

    def _report_open(self, scan: Scan, written: Mapping[str, int]) -> None:
        """Say once of each file that it waits for its writer, and once that it has waited for too long."""
        for name in sorted(scan.held - self._said):
            _log.info("inbox %s: %s is still open for writing and waits", self.name, names.printable(name))
        for name in sorted(scan.overdue - self._overdue):
            _log.warning(
                "inbox %s: %s is still open for writing, but has not changed for %g s: it is read as it is",
                self.name,
                names.printable(name),
                self.patience.writer,
            )
        self._said = scan.held | (self._said & written.keys())
        self._held, self._overdue = scan.held, scan.overdue

    def _closed(self) -> list[str]:
        """Return the folders in the inbox that could not be looked into when it was scanned last, with the reason."""
        whole = self.unreadable()
        return [problem for problem in self._problems if problem != whole]

    def unreadable(self) -> str:
        """Return why the inbox itself could not be looked at when it was scanned last; "" where it could."""
        root = self.spool.inbox
        return next((text for text in self._problems if text.startswith((f"the inbox {root} ", f"{root}: "))), "")

    def _report(self, scan: Scan) -> None:
        for problem in scan.problems:
            if problem not in self._problems:
                _log.warning("inbox %s: %s", self.name, names.printable(problem))
        if self._problems and not scan.problems:
            _log.info("inbox %s can be read again", self.name)
            self._next_check = 0.0
        self._problems = scan.problems


def patience_of(inbox: Inbox) -> Patience:
    """Return how long files of an inbox are waited for."""
    writer = inbox.writer_seconds if TELLS_OF_LOSSES else min(inbox.writer_seconds, _UNSURE_SECONDS)
    return Patience(inbox.settle_seconds, writer, inbox.incomplete_seconds)
