"""How the service is, out of its parts: with fakes in place of inboxes and workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from ocrspool.observability.snapshot import EngineStatus, InboxStatus, Queue
from ocrspool.recognition.api import RecognizerStatus
from ocrspool.service.health_monitor import HealthMonitor


@dataclass
class FakeSignals:
    """No signal, until a test sends one."""

    stops: int = 0


@dataclass
class FakeScarce:
    """Something that may run short."""

    shortage_reason: str = ""


@dataclass
class FakeInboxes:
    """Two inboxes that are well."""

    threads: bool = True
    shortage: str = ""
    inboxes: dict[str, InboxStatus] = field(default_factory=lambda: {"a": InboxStatus(), "b": InboxStatus()})

    def alive(self) -> bool:
        return self.threads

    def shortage_reason(self) -> str:
        return self.shortage

    def standings(self) -> dict[str, InboxStatus]:
        return self.inboxes

    def queues(self) -> dict[str, Queue]:
        return {"a": Queue(waiting=2, unclaimable=1), "b": Queue(waiting=3)}

    def in_work(self) -> int:
        return 4

    def overflows(self) -> int:
        return 5


@dataclass
class FakeWorkers:
    """A worker that has an engine."""

    restarts: int = 6
    answers: bool = True
    has_engine: bool = True
    on_cpu: bool = False

    def status(self) -> RecognizerStatus:
        names = ("runtime", "runtime_version", "device", "precision", "fingerprint")
        engine = {**dict.fromkeys(names, "x"), "workers": 1}
        return RecognizerStatus(self.has_engine, self.answers, self.on_cpu, (engine,), (7,), self.restarts)


class World:
    """A monitor and its parts."""

    def __init__(self) -> None:
        self.signals, self.inboxes, self.workers = FakeSignals(), FakeInboxes(), FakeWorkers()
        self.memory, self.shortage = FakeScarce(), FakeScarce()
        self.now = 1000.0
        self.monitor = HealthMonitor(
            self.signals, self.inboxes, self.workers, self.memory, self.shortage, lambda: self.now
        )


@pytest.fixture
def world() -> World:
    return World()


def test_all_that_is_published(world: World) -> None:
    """Each part says its own."""
    world.monitor.refused = "a typo"
    found = world.monitor.standing()
    assert found.state == "ready"
    assert (found.waiting, found.in_work, found.overflows, found.worker_restarts) == (5, 4, 5, 6)
    assert (found.workers, found.unclaimable, found.reload_refused) == ((7,), 1, "a typo")
    assert found.engines == (EngineStatus("x", "x", "x", "x", "x", workers=1),)


def hang(world: World) -> None:
    world.inboxes.inboxes["b"] = InboxStatus(state="hangs")


def lose_engine(world: World) -> None:
    world.workers.has_engine = False


def fall_back(world: World) -> None:
    world.workers.on_cpu = True


@pytest.mark.parametrize("fault", [hang, lose_engine, fall_back])
def test_degraded(world: World, fault: Callable[[World], None]) -> None:
    """An inbox that does not serve, no engine, or a CPU in place of a GPU. A stop is told before all of these."""
    fault(world)
    assert world.monitor.standing().state == "degraded"
    world.signals.stops = 1
    assert world.monitor.standing().state == "stopping"


def test_a_full_disk_is_not_degraded(world: World) -> None:
    """It is a shortage, with its reason: memory first, then processes, then the disks."""
    world.inboxes.shortage = "disk"
    assert (world.monitor.standing().state, world.monitor.standing().lack) == ("ready", "disk")
    world.shortage.shortage_reason = "processes"
    assert world.monitor.shortage_reason() == "processes"
    world.memory.shortage_reason = "memory"
    assert world.monitor.shortage_reason() == "memory"


def test_alive(world: World) -> None:
    """The main loop has 90 seconds for a turn."""
    world.now += 89
    assert world.monitor.alive()
    world.now += 2
    assert not world.monitor.alive()
    world.monitor.mark_alive()
    assert world.monitor.alive()


def test_stuck_parts(world: World) -> None:
    """A thread of an inbox that has ended, or a worker that does not answer. What is published says so."""
    world.inboxes.threads = False
    assert not world.monitor.alive()
    assert not world.monitor.standing().responsive
    world.inboxes.threads, world.workers.answers = True, False
    assert not world.monitor.alive()
    world.workers.answers = True
    assert world.monitor.standing().responsive
