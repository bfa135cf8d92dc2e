"""What the thread of one inbox does: it scans, claims, recovers, measures the disk, and begins the jobs.

Each turn does what is due. Then the thread waits until something happens, or until the next thing is due.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from ocrspool.config.schema import Inbox, Profile
from ocrspool.errors import OcrspoolError
from ocrspool.intake.source import JobSource
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.service.active_jobs import ActiveJobs, Follow
from ocrspool.service.beginning import Beginning, in_words
from ocrspool.service.shared_resources import SharedResources
from ocrspool.spool.disk_steps import HANGS_SECONDS, DiskSteps
from ocrspool.spool.failure_reason import FailedFiles
from ocrspool.spool.jobs import Job

_log = logging.getLogger(__name__)

_MEASURE_SECONDS = 2.0
"""failed/ and the free room are looked at no more often than this."""
_MEASURE_SHARE = 0.02
"""At most this share of the time goes into it: failed/ may hold very many files."""
_LOOK_SECONDS = 0.5
"""While files wait and the disk has too little room, it is measured this often; while jobs run, it is tried."""
_NEVER_SECONDS = 3600.0


class InboxLoop:
    """The work of one inbox. Its thread calls `run`; what is marked is for the main thread."""

    def __init__(self, name: str, inbox: Inbox, profile: Profile, shared: SharedResources) -> None:
        self.name = name
        self._shared = shared
        self.wake = WakeupEvent()
        self.steps = DiskSteps()
        self.intake: JobSource = shared.new_source(name, inbox, profile, self.wake, self.steps)
        self.active_jobs = ActiveJobs(name, shared.shortage, shared.runner.announce, self._note_change, shared.threads)
        self.beginning = Beginning(name)
        self.trouble = ""
        """What went wrong in its last turn."""
        self.failed: FailedFiles | None = None
        """What lay in failed/ at the last look; None before the first one."""
        self.leaving = False
        """Whether a reload has removed the inbox: its jobs go on, and nothing new is claimed."""
        self.ending = False
        self._orders: deque[Callable[[], None]] = deque()
        self._next_look = self._next_measure = 0.0
        self._outdated = False
        """Whether jobs have run since failed/ was looked at last."""

    def order(self, what: Callable[[], None]) -> None:
        """For the main thread: have the thread do something in its next turn."""
        self._orders.append(what)
        self.wake.set()

    def wants(self) -> int:
        """Return how many slots it could use beside those that it has. The main thread asks too."""
        if not self.beginning.begun or self.steps.slow():
            return 0
        new = 0 if self.leaving or self.intake.room.shortage_reason else self.intake.waiting()
        new = max(self.intake.unfinished_count(), min(new, self._shared.most - len(self.active_jobs)))
        return max(0, self.active_jobs.due() + new - self.active_jobs.granted)

    def run(self) -> None:
        """Do what is due until the end."""
        while not self.ending:
            try:
                self.turn()
                self.trouble = ""
                seconds = self._until_next()
            except Exception as error:  # noqa: BLE001 - an inbox must not end, nor must others suffer
                self._note_trouble(error)
                seconds = _LOOK_SECONDS
            if not self.ending:
                self.wake.wait(seconds)
        with self.steps.step(), contextlib.suppress(OSError):
            self.active_jobs.leave()
            if not self.active_jobs.running:  # else the spool stays ours until the process has ended
                self.intake.close()
        self.intake.stop()

    def turn(self) -> None:
        """Do what is due now."""
        while self._orders:
            self._orders.popleft()()
        now = time.monotonic()
        if not self.beginning.begun:
            if now >= self.beginning.next_try and not self.leaving:
                self._begin()
            return
        if not self.leaving:
            if self.intake.next_scan() <= now:
                self._shared.wake.set()  # the main loop looks whether this takes too long
            with self.steps.step("scan", HANGS_SECONDS):
                self.intake.scan_if_due()
        self._use_slots()
        if now >= self._next_measure:
            self._measure()
        if now >= self._next_look:
            self._look()
            self._next_look = now + _LOOK_SECONDS
        if self.wants():
            self._shared.wake.set()

    def change(self, inbox: Inbox, profile: Profile) -> None:
        """Go on with other settings."""
        self.intake.change(inbox, profile)
        if not self.beginning.begun:
            self.beginning.try_soon()

    def rest(self) -> None:
        """Find nothing more."""
        if self.beginning.begun:
            self.intake.rest()

    def _begin(self) -> None:
        """Take the spool and finish what a crash left. Where that cannot be, say why, and try again later."""
        try:
            with self.steps.step("scan", HANGS_SECONDS) as renew:
                left = self.intake.open(renew)
                self.intake.scan_if_due()
            self._measure()
        except (OSError, OcrspoolError) as error:
            with contextlib.suppress(OSError):
                self.intake.close()
            self.beginning.failed(error, time.monotonic())
        else:
            self.beginning.succeeded(left, self.intake.folders)
        finally:
            self.beginning.tried.set()
            self._shared.wake.set()

    def _use_slots(self) -> None:
        """Begin a job in each granted slot: first those that wait for the disk, then those that an earlier run left."""
        while self.active_jobs.granted:
            if self.active_jobs.begin_again():
                continue
            with self.steps.step():
                found = self._next()
            if found is None:
                self.active_jobs.give_back()
                self._shared.wake.set()
                return
            self._outdated = True
            self.active_jobs.begin(*found)

    def _next(self) -> tuple[Job, Follow] | None:
        runner, store = self._shared.runner, self.intake.store
        if (job := self.intake.unfinished()) is not None:
            return job, partial(runner.finish, job, store)
        if self.leaving or len(self.active_jobs) >= self._shared.most:
            return None
        job = self.intake.claim(self._shared.live.config.limits.free_disk_mb)
        return None if job is None else (job, partial(runner.run, job, store, self.intake.options))

    def _measure(self) -> None:
        """See what lies in failed/ and how much room is free, for the status."""
        began = time.monotonic()
        self._outdated = self.active_jobs.running > 0
        with self.steps.step(), contextlib.suppress(OSError):
            self.intake.room.measure()
            self.failed = self.intake.failed_files()
        took = time.monotonic() - began
        self._next_measure = began + max(_MEASURE_SECONDS, took / _MEASURE_SHARE)

    def _look(self) -> None:
        """Measure a disk that had too little room. Try one that jobs are using, which may hang with them."""
        with self.steps.step():
            if self.intake.room.shortage_reason:
                self.intake.room.enough(self._shared.live.config.limits.free_disk_mb)
            if self.active_jobs.running:
                with contextlib.suppress(OSError):
                    self.intake.touch()

    def _until_next(self) -> float:
        """Return for how long nothing has to be done unless something happens."""
        if not self.beginning.begun:
            return _NEVER_SECONDS if self.leaving else self.beginning.next_try - time.monotonic()
        due = [] if self.leaving else [self.intake.next_scan()]
        if (again := self.active_jobs.due_at()) is not None:
            due.append(again)
        if self.active_jobs.running or (self.intake.room.shortage_reason and self.intake.waiting()):
            due.append(self._next_look)
        if self._outdated:
            due.append(self._next_measure)
        return min(due) - time.monotonic() if due else _NEVER_SECONDS

    def _note_trouble(self, error: Exception) -> None:
        """Say once what went wrong: an error of the disk in words, a bug of ours with its trace."""
        text = in_words(error) if isinstance(error, OSError) else f"internal error: {error!r}"
        if text != self.trouble:
            self.trouble = text
            _log.error("inbox %s: %s", self.name, text, exc_info=None if isinstance(error, OSError) else error)
            self._shared.wake.set()

    def _note_change(self) -> None:
        """Wake the main loop, which counts slots, and this thread only where a job is to be tried again later."""
        self._shared.wake.set()
        if self.active_jobs.waiting():
            self.wake.set()
