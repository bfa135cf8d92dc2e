"""What the thread of an inbox does in its turns, on a disk in memory."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocrspool.config.current import CurrentConfig
from ocrspool.config.job_options import JobOptions
from ocrspool.config.schema import Config, Inbox, Profile
from ocrspool.errors import ConfigError
from ocrspool.pipeline.job_outcome import JobOutcome
from ocrspool.processes.shortage import Shortage
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.service.inbox_thread import InboxThread
from ocrspool.service.shared_resources import SharedResources
from ocrspool.spool.job_store import JobStore
from ocrspool.spool.jobs import Job
from support.memory_job_source import MemoryJobSource
from support.waiting import wait_until

MOST = 3
INBOX = Inbox(root=Path("/nowhere"))


class Recorder:
    """A runner that notes its jobs, and holds them while a test wants it to."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, JobOptions]] = []
        self.finished: list[str] = []
        self.announced: list[str] = []
        self.go = threading.Event()
        self.go.set()

    def run(self, job: Job, store: JobStore, options: JobOptions) -> JobOutcome:  # noqa: ARG002 - there is one store
        self.ran.append((job.name, options))
        assert self.go.wait(30)
        return JobOutcome("done", job, ())

    def finish(self, job: Job, store: JobStore) -> None:  # noqa: ARG002 - likewise
        self.finished.append(job.name)

    def announce(self, outcome: JobOutcome) -> None:
        self.announced.append(outcome.job.name)


class World:
    """One inbox and what a main loop would do with it."""

    def __init__(self, wake: WakeupEvent) -> None:
        self.source = MemoryJobSource(INBOX, Profile())
        self.runner = Recorder()
        self.live = CurrentConfig(Config())
        self.shared = SharedResources(self.live, self.runner, Shortage(), MOST, wake, new_source=lambda *_: self.source)
        self.inbox = InboxThread("a", INBOX, Profile(), self.shared)
        self.loop = self.inbox._loop

    def turn(self, slots: int = 0) -> None:
        """Grant so many slots, and take one turn."""
        for _ in range(slots):
            self.inbox.grant()
        self.loop.turn()

    def ran(self, *names: str) -> bool:
        return sorted(name for name, _ in self.runner.ran) == sorted(names)


@pytest.fixture
def world() -> Iterator[World]:
    made = World(WakeupEvent())  # never closed: the last thing that the thread of a job does is to set it
    yield made
    made.runner.go.set()
    assert made.inbox.active_jobs.wait_ended(30)


def full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_it_begins_and_serves(world: World) -> None:
    """Before that it says so, and wants no slots."""
    world.source.files = ["1"]
    assert (world.inbox.standing().state, world.inbox.standing().reason) == ("waits", "it has not begun yet")
    assert world.inbox.wants() == 0
    world.turn()
    assert world.inbox.beginning.tried.is_set()
    assert world.inbox.standing().state == "serves"
    assert world.inbox.wants() == 1


def test_a_slot_is_used_or_given_back(world: World) -> None:
    """A job begins in each granted slot; one for which there is no job is free for other inboxes."""
    world.source.files = ["1", "2"]
    world.turn()
    world.turn(slots=3)
    wait_until(lambda: sorted(world.runner.announced) == ["1", "2"])
    wait_until(lambda: world.inbox.slots() == 0)
    assert world.ran("1", "2")


def test_the_end_of_a_job_wakes_the_main_loop_and_not_the_inbox(world: World) -> None:
    """The inbox has nothing to do until the slot is granted again."""
    world.source.files = ["1"]
    world.turn()
    world.runner.go.clear()
    world.turn(slots=1)
    while world.loop.wake.wait(0) or world.shared.wake.wait(0):
        pass
    world.runner.go.set()
    wait_until(lambda: world.shared.threads._idle)  # the thread of the job has done all that it does
    assert world.shared.wake.wait(0)
    assert not world.loop.wake.wait(0)


def test_it_claims_no_more_than_its_share(world: World) -> None:
    """However many slots it is granted."""
    world.source.files = list("12345")
    world.runner.go.clear()
    world.turn()
    assert world.inbox.wants() == MOST
    world.turn(slots=5)
    wait_until(lambda: len(world.runner.ran) == MOST)
    assert (world.inbox.wants(), world.source.files) == (0, ["4", "5"])


def test_what_an_earlier_run_has_begun_is_finished_first(world: World) -> None:
    """Also where there is no room to claim anything."""
    world.source.left = [Job("0", "a", "0", Path("/nowhere/0"))]
    world.source.files = ["1"]
    world.source.free = 0
    world.turn()
    assert world.inbox.wants() == 1
    world.turn(slots=1)
    wait_until(lambda: world.runner.finished == ["0"])
    assert world.source.files == ["1"]


def test_a_disk_with_too_little_room(world: World) -> None:
    """Nothing is claimed, which is said; when there is room again, all goes on without an event."""
    world.source.files = ["1"]
    world.source.free = 0
    world.turn()
    world.turn(slots=1)
    assert "free here" in world.inbox.shortage_reason()
    assert world.inbox.standing().reason == world.inbox.shortage_reason()
    assert world.inbox.wants() == 0
    world.source.free = 1 << 40
    world.loop._next_look = 0.0
    world.turn()
    assert world.inbox.wants() == 1


def test_the_options_are_those_of_the_claim(world: World) -> None:
    """New settings hold for files that are claimed after them."""
    world.source.files = ["1", "2"]
    world.turn()
    world.turn(slots=1)
    world.inbox.change(Inbox(root=Path("/nowhere"), outputs=("txt",)), Profile(dpi=300))
    world.turn(slots=1)
    wait_until(lambda: world.ran("1", "2"))
    by_name = dict(world.runner.ran)
    assert (by_name["1"].outputs, by_name["1"].profile.dpi) == (("json",), 200)
    assert (by_name["2"].outputs, by_name["2"].profile.dpi) == (("txt",), 300)


def test_an_inbox_that_leaves(world: World) -> None:
    """It claims nothing more. Its job goes on, and it is the same inbox when it comes back."""
    world.source.files = ["1", "2"]
    world.runner.go.clear()
    world.turn()
    world.turn(slots=1)
    world.inbox.leave()
    world.turn(slots=1)
    assert world.source.files == ["2"]
    assert "rest" in world.source.calls
    assert world.inbox.wants() == 0
    world.inbox.change(INBOX, Profile())
    world.turn(slots=1)
    wait_until(lambda: world.ran("1", "2"))


def test_it_is_tried_again_later(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Each reason is said once, the pauses grow, and other settings are tried at once."""
    caplog.set_level("INFO")
    world.source.open_errors = [ConfigError(["no access"]), ConfigError(["no access"]), full()]
    for _ in range(2):
        world.loop.beginning.next_try = 0.0
        world.turn()
    assert world.inbox.standing().reason == "no access"
    assert caplog.text.count("inbox a waits and is tried again") == 1
    world.turn()
    assert world.source.calls.count("open") == 2, "its time has not come"
    world.inbox.change(INBOX, Profile())
    world.turn()
    assert "No space left" in world.inbox.standing().reason
    world.loop.beginning.next_try = 0.0
    world.turn()
    assert world.inbox.standing().state == "serves"
    assert world.source.calls.count("close") == 3
    (served,) = (record for record in caplog.records if getattr(record, "event", "") == "inbox-serves")
    assert "drop files into /nowhere/inbox" in served.message


def test_a_bug_of_ours_ends_no_inbox(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once, with its trace, shown in the status, and forgotten when a turn goes well."""
    world.inbox.start()
    wait_until(lambda: world.inbox.beginning.begun)
    world.source.scan_errors = [LookupError("a bug"), LookupError("a bug")]
    world.loop.wake.set()
    wait_until(lambda: "a bug" in world.inbox.standing().reason)
    world.loop.wake.set()
    wait_until(lambda: world.inbox.standing().state == "serves")
    assert caplog.text.count("LookupError: a bug") == 1
    assert world.inbox.alive()
    world.inbox.end()
    assert world.inbox.ended(30)
    assert world.source.calls[-2:] == ["close", "stop"]


def test_a_spool_stays_ours_while_jobs_run(world: World) -> None:
    """Another process must not take it: they still write to it."""
    world.source.files = ["1"]
    world.runner.go.clear()
    world.inbox.start()
    wait_until(world.inbox.wants)
    world.inbox.grant()
    wait_until(lambda: world.ran("1"))
    world.inbox.end()
    assert world.inbox.ended(30)
    assert "close" not in world.source.calls


def test_an_inbox_is_dead_without_its_events(world: World) -> None:
    """The watchdog has to hear of it."""
    world.inbox.start()
    wait_until(lambda: world.inbox.beginning.begun)
    assert world.inbox.alive()
    world.source.is_alive = False
    assert not world.inbox.alive()
    world.inbox.end()
    assert world.inbox.ended(30)
