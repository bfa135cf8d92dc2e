"""The jobs of one inbox that are in work. Each runs on a thread of its own, or waits for its disk without a thread.

A slot is the right to run one job. The main loop grants slots, the thread of the inbox uses them or gives them back,
and the end of a job frees one. A job whose disk fails frees its slot too, and is tried again later: the pauses grow.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from ocrspool.config.schema import Config
from ocrspool.decoding.pool import decoder_count
from ocrspool.files import names
from ocrspool.pipeline.job_outcome import JobOutcome
from ocrspool.processes.backoff import Backoff
from ocrspool.processes.child import NoProcessError
from ocrspool.processes.shortage import Shortage
from ocrspool.processes.threads import Threads
from ocrspool.spool.jobs import Job, log_fields

_log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0
"""Seconds before a job that the disk failed is tried again, at first and at most. The pause doubles each time."""


class Halted(Protocol):
    """What a job that cannot go on leaves behind (pipeline.Stalled)."""

    @property
    def job(self) -> Job:
        """The job, with its attempts counted."""

    @property
    def problem(self) -> Exception:
        """The problem that has to end before it can go on."""

    def again(self) -> JobOutcome | Halted | None:
        """Go on where it stopped."""

    def leave(self) -> None:
        """Leave it in work/ for the next start. Raise OSError."""


Follow = Callable[[], JobOutcome | Halted | None]
"""Takes a job as far as it gets. None: it is left in work/."""


@dataclass(slots=True)
class _PutOff:
    """A job that waits for its disk."""

    halted: Halted
    told: str
    pauses: Backoff
    due: float


@dataclass(slots=True)
class ActiveJobs:
    """The jobs of one inbox. Safe to use from several threads."""

    inbox: str
    shortage: Shortage
    on_event: Callable[[JobOutcome], None]
    """The thread of a job calls it with the outcome."""
    on_change: Callable[[], None]
    """The thread of a job calls it when the job has ended or waits."""
    threads: Threads
    granted: int = 0
    """Slots that nothing runs in yet."""
    running: int = 0
    _put_off: list[_PutOff] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Condition = field(init=False)

    def __post_init__(self) -> None:
        self._ended = threading.Condition(self._lock)

    def __len__(self) -> int:
        """Return how many jobs have been claimed and have not ended."""
        with self._lock:
            return self.running + len(self._put_off)

    def slots(self) -> int:
        """Return how many slots are granted or used."""
        return self.granted + self.running

    def waiting(self) -> int:
        """Return how many jobs wait for their disk."""
        return len(self._put_off)

    def problem(self) -> str:
        """Return the problem of the job that has waited longest; "" where none waits."""
        with self._lock:
            return self._put_off[0].told if self._put_off else ""

    def grant(self) -> None:
        """Allow one job more to run."""
        with self._lock:
            self.granted += 1

    def give_back(self) -> None:
        """Give the unused slots back: there is nothing to run in them."""
        with self._lock:
            self.granted = 0

    def due(self) -> int:
        """Return how many jobs that wait are to be tried now."""
        now = time.monotonic()
        with self._lock:
            return sum(put_off.due <= now for put_off in self._put_off)

    def due_at(self) -> float | None:
        """Return when the next waiting job is to be tried, on the monotonic clock; None where none is to be.

        One that could be tried now waits for a slot.
        """
        now = time.monotonic()
        with self._lock:
            return min((put_off.due for put_off in self._put_off if put_off.due > now), default=None)

    def begin(self, job: Job, follow: Follow) -> None:
        """Run a job that has just been claimed in a granted slot."""
        self._start(_PutOff(_Unbegun(job, follow), "", Backoff(_FIRST_PAUSE, _LONGEST_PAUSE), 0.0))

    def begin_again(self) -> bool:
        """Run a job whose time has come in a granted slot. Tell whether there was one."""
        now = time.monotonic()
        with self._lock:
            put_off = next((each for each in self._put_off if each.due <= now), None)
            if put_off is None:
                return False
            self._put_off.remove(put_off)
        self._start(put_off)
        return True

    def _start(self, put_off: _PutOff) -> None:
        with self._lock:
            self.granted = max(0, self.granted - 1)
            self.running += 1
        try:
            self.threads.run(partial(self._run, put_off))
        except RuntimeError as problem:  # "can't start new thread"
            self.shortage.note(problem)
            with self._lock:
                self.running -= 1
                self._wait(put_off, put_off.halted, problem)
            self.on_change()

    def _run(self, put_off: _PutOff) -> None:
        halted: Halted | None = None
        try:
            outcome = put_off.halted.again()
            if isinstance(outcome, JobOutcome):
                self.on_event(outcome)
            else:
                halted = outcome
            if halted is not None and isinstance(halted.problem, NoProcessError):
                self.shortage.note(halted.problem)
        except Exception:  # noqa: BLE001 - a bug of ours must not take the slot along
            _log.exception(
                "%s: internal error; it stays in work/ until the next start",
                names.printable(put_off.halted.job.name),
                extra=log_fields(put_off.halted.job),
            )
        finally:
            with self._lock:
                self.running -= 1
                if halted is not None:
                    self._wait(put_off, halted, halted.problem)
                self._ended.notify_all()
            self.on_change()

    def _wait(self, before: _PutOff, halted: Halted, problem: Exception) -> None:
        """Put a job off, a while longer each time. The log has each problem once, however many jobs have it."""
        pause = before.pauses.next()
        told = str(problem)
        if _kind(told) not in {_kind(other.told) for other in (before, *self._put_off)}:
            _log.error(
                "%s waits in work/: %s; it is tried again in %.0f s, then every %.0f s at most",
                names.printable(halted.job.name),
                names.printable(told),
                pause,
                _LONGEST_PAUSE,
                extra=log_fields(halted.job),
            )
        self._put_off.append(_PutOff(halted, told, before.pauses, time.monotonic() + pause))

    def wait_ended(self, seconds: float) -> bool:
        """Wait until no job runs, at most so long. Tell whether none does."""
        with self._lock:
            return self._ended.wait_for(lambda: not self.running, seconds)

    def leave(self) -> None:
        """Leave the jobs that wait in work/ for the next start."""
        with self._lock:
            left, self._put_off = self._put_off, []
        for put_off in left:
            with contextlib.suppress(OSError):  # of the disk that it waits for
                put_off.halted.leave()


@dataclass(frozen=True, slots=True)
class _Unbegun:
    """A job that has been claimed and has not run yet."""

    job: Job
    follow: Follow
    problem: Exception = Exception()  # noqa: RUF009 - it is never told

    def again(self) -> JobOutcome | Halted | None:
        """Begin."""
        return self.follow()

    def leave(self) -> None:
        """Do nothing: it has cost no attempt."""


def _kind(told: str) -> str:
    """Return the text of a system error without the file that it names."""
    return told.partition(": ")[0]


def job_count(config: Config, on_hosts: int = 0) -> int:
    """Return how many files may be in work: enough to fill the next batch while one is recognized.

    `on_hosts` is how many pages the hosts of a cluster may have in work.
    """
    service = config.service
    here = service.batch_pages * service.workers * len(config.engine.devices)
    return decoder_count(config) + 2 * (here + on_hosts)
