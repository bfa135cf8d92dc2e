"""Several inboxes with a thread each, for real; the line that reads is a stand-in. Nothing of one stops another."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ocrspool.config.current import CurrentConfig
from ocrspool.config.job_options import JobOptions
from ocrspool.config.schema import Config, Inbox
from ocrspool.config.sections import Paths
from ocrspool.errors import ConfigError, SpoolBusyError
from ocrspool.pipeline.job_outcome import JobOutcome
from ocrspool.processes.shortage import Shortage
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.service.inboxes import Inboxes
from ocrspool.service.shared_resources import SharedResources
from ocrspool.spool.job_store import JobStore
from ocrspool.spool.jobs import Job
from ocrspool.spool.spool import Spool
from support.sample_results import rendered, result_of
from support.sample_spools import scan
from support.waiting import wait_until

SLOTS = 4


@dataclass
class Stalled:
    """A job whose disk fails until the line is told otherwise."""

    job: Job
    again: Callable[[], JobOutcome | Stalled | None]
    problem: OSError = field(default_factory=lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def leave(self) -> None:
        pass


class Line:
    """Delivers what it gets, unless an inbox is held or fails."""

    def __init__(self) -> None:
        self.held: dict[str, threading.Event] = {}
        self.failing: set[str] = set()
        self.rung: list[str] = []

    def run(self, job: Job, store: JobStore, options: JobOptions) -> JobOutcome | Stalled | None:
        if job.inbox in self.held:
            self.held[job.inbox].wait(60)
        if job.inbox in self.failing:
            return Stalled(job, lambda: self.run(job, store, options))
        store.deliver(job, rendered(result_of(job)))
        return JobOutcome("done", job, ())

    def finish(self, job: Job, store: JobStore) -> None:
        store.finish(job)

    def announce(self, outcome: JobOutcome) -> None:
        self.rung.append(outcome.job.name)


class World:
    """A main loop without its service."""

    def __init__(self, root: Path, wake: WakeupEvent, *names: str) -> None:
        self.root, self.line, self.slow = root, Line(), set[str]()
        self.live = CurrentConfig(self.config(*names))
        around = SharedResources(self.live, self.line, Shortage(), SLOTS, wake)
        self.inboxes = Inboxes(around, lambda _: None, self.slow.add)

    def config(self, *names: str) -> Config:
        inboxes = {name: Inbox(root=self.root / name, settle_seconds=0, poll_seconds=0.2) for name in names}
        limits = {"free_disk_mb": 0}
        return Config.model_validate({
            "paths": Paths(cache=self.root / "cache", runtime=self.root / "run"), "inbox": inboxes, "limits": limits
        })  # fmt: skip

    def turn(self) -> None:
        """Do what the main loop does each time."""
        self.inboxes.look()
        self.inboxes.grant(SLOTS)

    def until(self, condition: Callable[[], object]) -> None:
        """Turn until it holds."""

        def turned() -> object:
            self.turn()
            return condition()

        wait_until(turned)

    def drop(self, inbox: str, *names: str) -> None:
        for name in names:
            (self.root / inbox / "inbox" / name).write_bytes(name.encode())

    def done(self, inbox: str) -> list[str]:
        return self.files(inbox, "done")

    def files(self, inbox: str, state: str) -> list[str]:
        return sorted(path.name for path in (self.root / inbox / state).iterdir())

    def standing(self, inbox: str) -> tuple[str, str]:
        found = self.inboxes.standings()[inbox]
        return found.state, found.reason


@pytest.fixture
def new_world(tmp_path: Path, wake: WakeupEvent) -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def make(*names: str) -> World:
        made.append(World(tmp_path, wake, *names))
        return made[-1]

    yield make
    for world in made:
        for held in world.line.held.values():
            held.set()
        assert world.inboxes.close()


def test_what_lies_in_failed(new_world: Callable[..., World]) -> None:
    """An inbox that has just begun knows it, with how much room its disk has; a file that is taken away goes."""
    world = new_world("a", "b")
    failed = world.root / "a/failed"
    failed.mkdir(parents=True)
    (failed / "old.png").write_bytes(b"x")
    (failed / "old.png.reason.json").write_text('{"message": "it was damaged", "job": "j1"}', "utf-8")
    world.inboxes.open()
    found = world.inboxes.standings()
    assert (found["a"].failed_files, found["b"].failed_files) == (1, 0)
    assert (found["a"].free_bytes or 0) > 0
    (failure,) = world.inboxes.failures()
    assert (failure.inbox, failure.message, failure.job) == ("a", "it was damaged", "j1")
    (failed / "old.png").unlink()
    (failed / "old.png.reason.json").unlink()
    world.drop("a", "1")
    world.until(lambda: world.inboxes.standings()["a"].failed_files == 0)
    assert world.inboxes.failures() == []


def test_each_reads_its_own(new_world: Callable[..., World]) -> None:
    """Files of all inboxes come out, and the hooks are rung for each."""
    world = new_world("a", "b")
    world.inboxes.open()
    world.drop("a", "1", "2", "3")
    world.drop("b", "4")
    world.until(lambda: (world.done("a"), world.done("b")) == (["1", "2", "3"], ["4"]))
    world.until(lambda: sorted(world.line.rung) == ["1", "2", "3", "4"])
    assert world.standing("a") == ("serves", "")
    assert world.inboxes.alive()


def test_one_inbox_never_has_all_slots(new_world: Callable[..., World]) -> None:
    """While one holds as many as it may, a file of another finds one free at once."""
    world = new_world("a", "b")
    world.line.held["a"] = threading.Event()
    world.inboxes.open()
    world.drop("a", *map(str, range(20)))
    world.until(lambda: world.inboxes.running() == SLOTS - 1)
    world.drop("b", "x")
    world.until(lambda: world.done("b") == ["x"])
    world.until(lambda: world.inboxes.running() == SLOTS - 1)
    assert world.done("a") == []


def test_it_is_told_when_no_slot_is_left(new_world: Callable[..., World]) -> None:
    """Then slots that become free may be given out together. Where slots are left, a new file gets one at once."""
    world = new_world("a")
    held = world.line.held["a"] = threading.Event()
    world.inboxes.open()
    world.drop("a", "1")
    world.until(lambda: world.inboxes.running() == 1)
    assert not world.inboxes.grant(SLOTS)
    world.drop("a", *map(str, range(2, 20)))
    world.until(lambda: world.inboxes.running() == SLOTS)
    assert world.inboxes.grant(SLOTS)
    held.set()
    world.until(lambda: len(world.done("a")) == 19)
    world.until(lambda: not world.inboxes.running())
    assert not world.inboxes.grant(SLOTS)


def test_jobs_that_wait_for_their_disk_hold_no_slot(new_world: Callable[..., World]) -> None:
    """The inbox claims no more than its budget; the other has all slots; what waited comes out in the end."""
    world = new_world("a", "b")
    world.line.failing.add("a")
    world.inboxes.open()
    world.drop("a", *map(str, range(20)))
    world.until(lambda: world.inboxes.standings()["a"].stalled == SLOTS)
    state, reason = world.standing("a")
    assert state == "waits"
    assert "No space left" in reason
    assert len(world.files("a", "inbox")) == 20 - SLOTS
    world.drop("b", *map(str, range(20)))
    world.until(lambda: len(world.done("b")) == 20)
    world.line.failing.clear()
    world.until(lambda: len(world.done("a")) == 20)


def test_an_inbox_that_cannot_begin(new_world: Callable[..., World], caplog: pytest.LogCaptureFixture) -> None:
    """It says why, once, and begins as soon as it can; the other serves from the start on."""
    world = new_world("a", "b")
    (world.root / "a").mkdir()
    (world.root / "a/outbox").write_bytes(b"no folder")
    world.inboxes.open()
    assert world.standing("a") == ("waits", f"inbox.a.outbox: {world.root}/a/outbox is not a folder")
    world.drop("b", "x")
    world.until(lambda: world.done("b") == ["x"])
    (world.root / "a/outbox").unlink()
    world.until(lambda: world.standing("a")[0] == "serves")
    world.drop("a", "y")
    world.until(lambda: world.done("a") == ["y"])
    assert caplog.text.count("inbox a waits and is tried again") == 1


def test_none_can_begin(new_world: Callable[..., World]) -> None:
    """That is an error at the start, with the problems of all."""
    world = new_world("a", "b")
    for name in ("a", "b"):
        (world.root / name).mkdir()
        (world.root / name / "work").write_bytes(b"no folder")
    with pytest.raises(ConfigError) as caught:
        world.inboxes.open()
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["inbox.a.work", "inbox.b.work"]


def test_another_process_has_the_spool(new_world: Callable[..., World]) -> None:
    """Of one inbox: it waits until that one lets go. Of the only inbox: the start fails, as one to be tried again."""
    world = new_world("a", "b")
    holder = Spool("a", world.live.config.inbox["a"].folders())
    holder.open()
    try:
        world.inboxes.open()
        assert "another ocrspool is working on" in world.standing("a")[1]
        with pytest.raises(SpoolBusyError):
            new_world("a").inboxes.open()
    finally:
        holder.close()
    world.until(lambda: world.standing("a")[0] == "serves")


def test_what_cannot_be_finished_at_the_start(new_world: Callable[..., World]) -> None:
    """A result that an earlier run has left is delivered once that is possible, without being made anew."""
    world = new_world("a")
    spool = Spool("a", world.live.config.inbox["a"].folders())
    spool.open()
    world.drop("a", "1")
    (seen,) = scan(spool)
    job = spool.claim(seen)
    assert job is not None
    with spool.jobs.opened(job.id) as folder:
        folder.write("result.json", result_of(job))
    spool.close()
    (world.root / "a/outbox").rename(world.root / "away")
    (world.root / "a/outbox").symlink_to(world.root / "nowhere/outbox")
    unfinished: list[Job] = []
    assert spool.recover(unfinished) == []
    assert [left.id for left in unfinished] == [job.id]
    (world.root / "a/outbox").unlink()
    (world.root / "away").rename(world.root / "a/outbox")
    assert spool.finish(job)
    assert world.files("a", "outbox") == ["1.json"]
    assert world.done("a") == ["1"]


def test_an_inbox_is_removed_and_comes_back(new_world: Callable[..., World]) -> None:
    """Its job goes on meanwhile, nothing new is claimed, and it is the same inbox when it comes back."""
    world = new_world("a", "b")
    world.line.held["b"] = threading.Event()
    world.inboxes.open()
    world.drop("b", "1")
    world.until(lambda: world.inboxes.running() == 1)
    world.live.config = world.config("a")
    world.inboxes.change()
    assert list(world.inboxes.standings()) == ["a"]
    world.drop("b", "2")
    world.drop("a", "3")
    world.until(lambda: world.done("a") == ["3"])
    assert world.files("b", "inbox") == ["2"]
    world.live.config = world.config("a", "b")
    world.inboxes.change()
    world.line.held.pop("b").set()
    world.until(lambda: world.done("b") == ["1", "2"])


def test_a_removed_inbox_lets_go_of_its_spool(new_world: Callable[..., World]) -> None:
    """Another process may have it then."""
    world = new_world("a", "b")
    world.inboxes.open()
    world.live.config = world.config("a")
    world.inboxes.change()
    spool = Spool("b", Inbox(root=world.root / "b").folders())
    world.until(lambda: not spool.lock.is_held())
