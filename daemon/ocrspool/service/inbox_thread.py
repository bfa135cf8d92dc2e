"""The thread of one inbox: it alone scans, claims, recovers and measures the disk, and it begins the jobs.

The main thread never touches a spool, because a disk that does not answer holds whoever asks it. It talks with the
attendants: it grants slots, gives orders (other settings, leave), and reads what they say of themselves.

    main thread → inbox_thread: grant, change, leave, end
    inbox_thread → main thread: how many files wait, why nothing comes, since when its disk does not answer; and a wake

An inbox that cannot begin (no access, a full disk, a missing folder) says why, waits, and is tried again.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, Protocol

from ocrspool.config import preflight
from ocrspool.config.current import CurrentConfig
from ocrspool.config.job_options import JobOptions, options_of
from ocrspool.config.schema import Inbox, Profile
from ocrspool.errors import ConfigError, OcrspoolError
from ocrspool.files import faults, names
from ocrspool.intake.inbox import InboxIntake
from ocrspool.intake.watcher import Watch
from ocrspool.observability.snapshot import InboxStatus, Queue
from ocrspool.pipeline.job_outcome import JobOutcome
from ocrspool.processes.shortage import Shortage
from ocrspool.processes.threads import Threads
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.service.active_jobs import ActiveJobs, Follow, Halted
from ocrspool.spool.disk_steps import HANGS_SECONDS, DiskSteps
from ocrspool.spool.failure_reason import FailedFiles
from ocrspool.spool.job_store import JobStore
from ocrspool.spool.jobs import Job
from ocrspool.spool.monitored_spool import MonitoredSpool

_log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0
"""Seconds between two tries to begin, at first and at most; it doubles."""
_MEASURE_SECONDS = 2.0
"""failed/ and the free room are looked at no more often than this."""
_MEASURE_SHARE = 0.02
"""At most this share of the time goes into it: failed/ may hold very many files."""
_LOOK_SECONDS = 0.5
"""While files wait and the disk has too little room, it is measured this often; while jobs run, it is tried."""


class Runner(Protocol):
    """What takes jobs to their outcomes (pipeline/runner.py)."""

    def run(self, job: Job, store: JobStore, options: JobOptions) -> JobOutcome | Halted | None:
        """Read a job's file and deliver the result, as far as the job gets."""

    def finish(self, job: Job, store: JobStore) -> JobOutcome | Halted | None:
        """Take a job to the end that the last run of the service has begun."""

    def announce(self, outcome: JobOutcome) -> None:
        """Let the hooks know what came of a job."""


@dataclass(frozen=True, slots=True)
class SharedResources:
    """What all attendants of a service share."""

    live: CurrentConfig
    runner: Runner
    shortage: Shortage
    most: int
    """Jobs that one inbox may have in work, those that wait for its disk included."""
    wake: WakeupEvent
    """Of the main loop."""
    threads: Threads = field(default_factory=partial(Threads, "job"))
    """Of all jobs."""


class InboxThread:
    """One inbox and its thread. All but `_run` and what it calls is for the main thread."""

    def __init__(self, name: str, inbox: Inbox, profile: Profile, around: SharedResources) -> None:
        self.name, self.inbox, self.profile = name, inbox, profile
        self._around = around
        self.steps = DiskSteps()
        self.active_jobs = ActiveJobs(name, around.shortage, around.runner.announce, self._wake_both, around.threads)
        self._wake = WakeupEvent()
        self._watch = Watch(self._wake)
        self._intake = InboxIntake(name, inbox, profile, self._watch)
        self.spool = MonitoredSpool(self._intake.spool, self.steps)
        """What jobs do in the spool is said to be a step on its disk."""
        self._orders: deque[Callable[[], None]] = deque()
        self._thread = threading.Thread(target=self._run, name=f"inbox-{name}", daemon=True)
        self._clock = time.time() - time.monotonic()
        self.tried = threading.Event()
        """Set when the first try to begin has ended, well or not."""
        self.begun = False
        """Whether it has the spool, and scans and claims."""
        self.error: OSError | OcrspoolError | None = None
        """Why it could not begin when it tried last."""
        self._trouble = ""
        """What went wrong in its last turn."""
        self._told = ""
        self._pause = _FIRST_PAUSE
        self._next_try = self._next_look = self._next_measure = 0.0
        self._outdated = False
        """Whether jobs have run since failed/ was looked at last."""
        self.failed: FailedFiles | None = None
        """What lay in failed/ at the last look; None before the first one."""
        self.leaving = False
        """Whether a reload has removed it: its jobs go on, and nothing new is claimed."""
        self._ending = False

    def start(self) -> None:
        """Begin. Raise RuntimeError where there is no thread for it."""
        self._watch.start()
        self._thread.start()

    def wants(self) -> int:
        """Return how many slots it could use beside those that it has."""
        if not self.begun or self.steps.slow():
            return 0
        new = 0 if self.leaving or self._intake.room.shortage_reason else self._intake.waiting()
        new = max(self._intake.unfinished_count(), min(new, self._around.most - len(self.active_jobs)))
        return max(0, self.active_jobs.due() + new - self.active_jobs.granted)

    def grant(self) -> None:
        """Let it begin one job more."""
        self.active_jobs.grant()
        self._wake.set()

    def slots(self) -> int:
        """Return how many slots it takes from the others: none while its disk keeps its jobs waiting."""
        return 0 if self.steps.slow() else self.active_jobs.slots()

    def change(self, inbox: Inbox, profile: Profile) -> None:
        """Go on with other settings of the same folders; come back if it was leaving."""
        self.inbox, self.profile, self.leaving = inbox, profile, False
        self._order(self._change)

    def leave(self) -> None:
        """Claim nothing more; what is in work goes on."""
        self.leaving = True
        self._order(self._rest)

    def end(self) -> None:
        """Let go of the spool as soon as the disk allows, and end the thread."""
        self._ending = True
        self._wake.set()

    def ended(self, seconds: float) -> bool:
        """Wait for the thread, at most so long. Tell whether it has ended."""
        if self._thread.ident is not None:
            self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def alive(self) -> bool:
        """Tell whether the thread and those that bring it events are there."""
        return self._watch.alive() and (self._thread.is_alive() or self._ending)

    def waiting(self) -> int:
        """Return how many files could be claimed, as far as the last scan knows."""
        return 0 if self.leaving else self._intake.waiting()

    def queue(self) -> Queue:
        """Return what waits, as far as the last scan knows."""
        return self._intake.queue()

    def shortage_reason(self) -> str:
        """Return what its disk has too little of; "" where there is enough."""
        return self._intake.room.shortage_reason

    def overflows(self) -> int:
        """Return how often the kernel has lost events, of any inbox."""
        return self._watch.overflows

    def standing(self) -> InboxStatus:
        """Return how the inbox is."""
        since = self.steps.hangs_since()
        reason = self._cannot_serve()
        state: Literal["serves", "waits", "hangs"] = "hangs" if since is not None else "waits" if reason else "serves"
        if since is not None:
            reason = f"the disk of {self._intake.spool.work.parent} or of its outbox does not answer"
        return InboxStatus(
            state=state,
            reason=names.printable(reason or self.active_jobs.problem() or self._intake.room.shortage_reason),
            since=None if since is None else round(since + self._clock),
            stalled=self.active_jobs.waiting(),
            failed_files=None if self.failed is None else self.failed.count,
            free_bytes=self._intake.room.free_bytes,
        )

    def _cannot_serve(self) -> str:
        if not self.begun:
            return in_words(self.error) if self.error is not None else "it has not begun yet"
        if self.active_jobs.waiting() >= self._around.most:  # which is as many as it may claim
            return self.active_jobs.problem()
        return self._intake.unreadable() or self._trouble

    def _order(self, what: Callable[[], None]) -> None:
        self._orders.append(what)
        self._wake.set()

    def _wake_both(self) -> None:
        """Wake the main loop, which counts slots, and the inbox_thread, which knows when a job is to be tried again."""
        self._around.wake.set()
        self._wake.set()

    # What follows is done by the thread.

    def _run(self) -> None:
        while not self._ending:
            try:
                self._turn()
                self._trouble = ""
                seconds = self._until_next()
            except Exception as error:  # noqa: BLE001 - an inbox must not end, nor must others suffer
                self._note_trouble(error)
                seconds = _LOOK_SECONDS
            if not self._ending:
                self._wake.wait(seconds)
        with self.steps.step(), contextlib.suppress(OSError):
            self.active_jobs.leave()
            if not self.active_jobs.running:  # else the spool stays ours until the process has ended
                self._intake.close()
        self._watch.stop()

    def _turn(self) -> None:
        """Do what is due."""
        while self._orders:
            self._orders.popleft()()
        now = time.monotonic()
        if not self.begun:
            if now >= self._next_try and not self.leaving:
                self._begin()
            return
        if not self.leaving:
            if self._intake.next_scan() <= now:
                self._around.wake.set()  # it looks whether this takes too long
            with self.steps.step("scan", HANGS_SECONDS):
                self._intake.scan_if_due()
        self._use_slots()
        if now >= self._next_measure:
            self._measure()
        if now >= self._next_look:
            self._look()
            self._next_look = now + _LOOK_SECONDS
        if self.wants():
            self._around.wake.set()

    def _begin(self) -> None:
        """Take the spool and finish what a crash left. Where that cannot be, say why, once, and try again later."""
        try:
            with self.steps.step("scan", HANGS_SECONDS) as renew:
                if problems := preflight.of_inbox(self.name, self.inbox):
                    raise ConfigError(problems)
                left = self._intake.open(renew)
                self._intake.scan_if_due()
            self._measure()
        except (OSError, OcrspoolError) as error:
            self._cannot_begin(error)
        else:
            if left:
                _log.info("inbox %s: %d files were left in work/ and are read again", self.name, left)
            spool = self._intake.spool
            again = {"event": "inbox-serves"} if self.error is not None else {}
            _log.info("inbox %s: drop files into %s; results: %s", self.name, spool.inbox, spool.outbox, extra=again)
            self.error, self._told, self._pause, self.begun = None, "", _FIRST_PAUSE, True
        finally:
            self.tried.set()
            self._around.wake.set()

    def _cannot_begin(self, error: OSError | OcrspoolError) -> None:
        with contextlib.suppress(OSError):
            self._intake.close()
        if (told := in_words(error)) != self._told:
            self._told = told
            waits = {"event": "inbox-waits"}
            _log.error("inbox %s waits and is tried again; the others go on: %s", self.name, told, extra=waits)
        self.error = error
        self._next_try = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _use_slots(self) -> None:
        """Begin a job in each granted slot: first those that wait for the disk, then those that an earlier run left."""
        while self.active_jobs.granted:
            if self.active_jobs.begin_again():
                continue
            with self.steps.step():
                found = self._next()
            if found is None:
                self.active_jobs.give_back()
                self._around.wake.set()
                return
            self._outdated = True
            self.active_jobs.begin(*found)

    def _next(self) -> tuple[Job, Follow] | None:
        runner = self._around.runner
        if (job := self._intake.unfinished()) is not None:
            return job, partial(runner.finish, job, self.spool)
        if self.leaving or len(self.active_jobs) >= self._around.most:
            return None
        job = self._intake.claim(self._around.live.config.limits.free_disk_mb)
        if job is None:
            return None
        return job, partial(runner.run, job, self.spool, options_of(self._intake.inbox, self._intake.profile))

    def _measure(self) -> None:
        """See what lies in failed/ and how much room is free, for the status."""
        began = time.monotonic()
        self._outdated = self.active_jobs.running > 0
        with self.steps.step(), contextlib.suppress(OSError):
            self._intake.room.measure()
            self.failed = self._intake.failed_files()
        took = time.monotonic() - began
        self._next_measure = began + max(_MEASURE_SECONDS, took / _MEASURE_SHARE)

    def _look(self) -> None:
        """Measure a disk that had too little room; try one that jobs are using, which may hang with them."""
        with self.steps.step():
            if self._intake.room.shortage_reason:
                self._intake.room.enough(self._around.live.config.limits.free_disk_mb)
            if self.active_jobs.running:
                with contextlib.suppress(OSError):
                    self._intake.spool.lock.touch()

    def _until_next(self) -> float:
        """Return for how long nothing has to be done unless something happens."""
        if not self.begun:
            return 3600.0 if self.leaving else self._next_try - time.monotonic()
        due = [] if self.leaving else [self._intake.next_scan()]
        if (again := self.active_jobs.due_at()) is not None:
            due.append(again)
        if self.active_jobs.running or (self._intake.room.shortage_reason and self._intake.waiting()):
            due.append(self._next_look)
        if self._outdated:
            due.append(self._next_measure)
        return min(due) - time.monotonic() if due else 3600.0

    def _change(self) -> None:
        if self.begun:
            self._intake.change(self.inbox, self.profile)
        else:
            self._intake = InboxIntake(self.name, self.inbox, self.profile, self._watch)
            self.spool = MonitoredSpool(self._intake.spool, self.steps)
            self._next_try = 0.0

    def _rest(self) -> None:
        if self.begun:
            self._intake.rest()

    def _note_trouble(self, error: Exception) -> None:
        """Say once what went wrong: an error of the disk in words, a bug of ours with its trace."""
        text = in_words(error) if isinstance(error, OSError) else f"internal error: {error!r}"
        if text != self._trouble:
            self._trouble = text
            _log.error("inbox %s: %s", self.name, text, exc_info=None if isinstance(error, OSError) else error)
            self._around.wake.set()


def in_words(error: Exception) -> str:
    """Return an error as a line for people."""
    if isinstance(error, OcrspoolError):
        return "; ".join(filter(None, (*error.message.splitlines(), error.hint)))
    return faults.in_words(error) if isinstance(error, OSError) else str(error)
