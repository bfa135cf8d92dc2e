"""Jobs of one inbox on threads of their own, for real: granted, run, put off, begun again, left."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ocrspool.config.schema import Config
from ocrspool.pipeline.job_outcome import JobOutcome
from ocrspool.processes.child import NoProcessError
from ocrspool.processes.shortage import Shortage
from ocrspool.processes.threads import Threads
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.service import active_jobs as module
from ocrspool.service.active_jobs import ActiveJobs, job_count
from ocrspool.spool.jobs import Job
from support.waiting import wait_until

JOB = Job("1", "scans", "a.png", Path("a.png"))


@dataclass
class Jobs:
    """An inbox's jobs, and what came of them."""

    wake: WakeupEvent
    shortage: Shortage = field(default_factory=Shortage)
    events: list[JobOutcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.active_jobs = ActiveJobs("scans", self.shortage, self.events.append, self.wake.set, Threads("job"))

    def begin(self, follow: Callable[[], object]) -> None:
        self.active_jobs.grant()
        self.active_jobs.begin(JOB, follow)  # type: ignore[arg-type] # what it returns is nobody's concern


@dataclass
class Stalled:
    """A job that the disk has failed so often as there are problems."""

    problems: list[OSError]
    job: Job = JOB
    left: int = 0

    @property
    def problem(self) -> OSError:
        return self.problems[0]

    def again(self) -> JobOutcome | Stalled | None:
        del self.problems[0]
        return self if self.problems else JobOutcome("done", JOB, ())

    def leave(self) -> None:
        self.left += 1
        raise OSError(errno.EIO, "what it waits for has not ended")


@pytest.fixture
def jobs(wake: WakeupEvent) -> Iterator[Jobs]:
    """Nothing in work yet."""
    made = Jobs(wake)
    yield made
    assert made.active_jobs.wait_ended(60)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that wait are tried again at once."""
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.0)


def full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_they_are_there_until_they_end(jobs: Jobs, wake: WakeupEvent) -> None:
    """A granted slot is used by the job that begins in it, and free again at its end, which wakes the main loop."""
    ends = [threading.Event(), threading.Event()]
    for end in ends:
        jobs.begin(lambda end=end: end.wait(60) and None)  # type: ignore[misc] # likewise
    assert (len(jobs.active_jobs), jobs.active_jobs.slots()) == (2, 2)
    assert not wake.wait(0)
    ends[0].set()
    assert wake.wait(60)
    assert (len(jobs.active_jobs), jobs.active_jobs.slots()) == (1, 1)
    ends[1].set()
    assert wake.wait(60)
    assert (len(jobs.active_jobs), jobs.active_jobs.slots()) == (0, 0)


def test_slots_that_nobody_uses(jobs: Jobs) -> None:
    """They count until they are given back."""
    jobs.active_jobs.grant()
    jobs.active_jobs.grant()
    assert jobs.active_jobs.slots() == 2
    jobs.active_jobs.give_back()
    assert jobs.active_jobs.slots() == 0


def test_one_that_fails_has_ended_too(jobs: Jobs, caplog: pytest.LogCaptureFixture) -> None:
    """A bug in one job takes no slot from the others for ever, and is logged with its trace."""

    def fail() -> None:
        raise LookupError("a bug")

    for _ in range(5):
        jobs.begin(fail)
        wait_until(lambda: not len(jobs.active_jobs))
    assert jobs.active_jobs.slots() == 0
    assert caplog.text.count("LookupError: a bug") == 5


@pytest.mark.usefixtures("at_once")
def test_a_job_whose_disk_fails_waits_without_a_slot(jobs: Jobs, caplog: pytest.LogCaptureFixture) -> None:
    """It counts as in work, goes on where it stopped, and is told of once for each problem."""
    stalled = Stalled([full(), full(), full(), OSError(errno.EIO, "worse")])
    jobs.begin(lambda: stalled)
    for problem in ("No space left", "No space left", "No space left", "worse"):
        wait_until(lambda: jobs.active_jobs.waiting() == 1)
        assert jobs.active_jobs.slots() == 0
        assert len(jobs.active_jobs) == 1
        assert problem in jobs.active_jobs.problem()
        assert jobs.events == []
        jobs.active_jobs.grant()
        assert jobs.active_jobs.begin_again()
    wait_until(lambda: jobs.events)
    assert len(jobs.active_jobs) == 0
    assert not jobs.active_jobs.begin_again()
    assert caplog.text.count("No space left") == 1
    assert caplog.text.count("worse") == 1


def test_pauses_grow(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job is not tried before its time; that is twice as long after the second failure."""
    now = [100.0]
    monkeypatch.setattr("ocrspool.service.active_jobs.time.monotonic", lambda: now[0])
    stalled = Stalled([full() for _ in range(9)])
    jobs.begin(lambda: stalled)
    for pause in (1.0, 2.0, 4.0, 8.0, 15.0, 15.0):
        wait_until(jobs.active_jobs.waiting)
        assert jobs.active_jobs.due_at() == now[0] + pause
        assert not jobs.active_jobs.begin_again()
        now[0] += pause
        assert jobs.active_jobs.due() == 1
        assert jobs.active_jobs.due_at() is None
        assert jobs.active_jobs.begin_again()
    wait_until(jobs.active_jobs.waiting)


def test_what_waits_at_the_end_is_left(jobs: Jobs) -> None:
    """It costs the job no attempt, as far as its disk lets that be written down."""
    stalled = Stalled([full()])
    jobs.begin(lambda: stalled)
    wait_until(jobs.active_jobs.waiting)
    jobs.active_jobs.leave()
    assert stalled.left == 1
    assert len(jobs.active_jobs) == 0


@pytest.mark.usefixtures("at_once")
def test_no_thread_for_a_job(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The claimed job waits, the shortage is known, and it begins when there are threads again."""
    began = []

    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as few:
        few.setattr(threading.Thread, "start", start)
        jobs.begin(lambda: began.append(1))
    assert (jobs.active_jobs.slots(), jobs.active_jobs.waiting()) == (0, 1)
    assert "can't start new thread" in jobs.shortage.shortage_reason
    assert not jobs.shortage.over()
    jobs.active_jobs.grant()
    assert jobs.active_jobs.begin_again()
    wait_until(lambda: began)


def test_no_process_for_a_job(jobs: Jobs) -> None:
    """A decoder that cannot be started is a shortage too."""
    problem = NoProcessError(errno.EAGAIN, "no process can be started")
    jobs.begin(lambda: Stalled([problem]))
    wait_until(jobs.active_jobs.waiting)
    assert "no process can be started" in jobs.shortage.shortage_reason


def test_as_many_as_fill_two_batches() -> None:
    """While one is recognized the next one forms, for each worker on each device; and every decoder has a file."""
    config = Config.model_validate({"service": {"decoders": 3, "batch_pages": 8, "workers": 2}})
    assert job_count(config) == 3 + 2 * 8 * 2
    two = config.model_copy(update={"engine": config.engine.model_copy(update={"devices": ("gpu:0", "gpu:1")})})
    assert job_count(two) == 3 + 2 * 8 * 2 * 2
