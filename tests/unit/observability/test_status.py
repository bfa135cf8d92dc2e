"""What the service publishes, when, and to whom: with a fake systemd and a clock that a test turns."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ocrspool.observability.snapshot import EngineModel, EngineStatus, InboxStatus, Queue, ServiceStatus
from ocrspool.observability.snapshot_file import snapshot_from
from ocrspool.observability.statistics import JobStatistics
from ocrspool.observability.status import Sources, StatusPublisher
from ocrspool.results.reason import Failure, PublishedName

ENGINE = EngineStatus("openvino", "2026.4", "cpu", "bf16", "f" * 16, models=(EngineModel("det"),))
QUIET = ServiceStatus(state="ready")


@dataclass
class FakeSystemd:
    """Keeps what is told to systemd."""

    keepalive_seconds: float | None = None
    lines: list[str] = field(default_factory=list)
    keepalives: int = 0

    def status(self, text: str) -> None:
        self.lines.append(text)

    def keepalive(self) -> None:
        self.keepalives += 1


class World:
    """A publisher, and all that it is connected to."""

    def __init__(self, folder: Path, **sources: Callable[[], Any]) -> None:
        self.systemd = FakeSystemd()
        self.statistics = JobStatistics()
        self.now = 1000.0
        self.file = folder / "status.json"
        parts = Sources(ENGINE, {"in all": 1.5}, self.statistics, **sources)
        self.publisher = StatusPublisher(self.systemd, folder, parts, lambda: self.now)

    def published(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_bytes())
        return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def failure(name: str, at: str, job: str | None = None) -> Failure:
    return Failure(PublishedName(f"/s/failed/{name}"), inbox="a", failed_at=f"2026-01-0{at}T00:00:00.000Z", job=job)


def test_the_file_is_the_snapshot(world: World) -> None:
    """What is read back from status.json is what the threads see that answer HTTP."""
    world.statistics.done({"inbox": "a", "pages": 3, "lost": 0, "warnings": ["reduced"]}, {"decode": 0.2}, 7.0)
    world.statistics.failed({"inbox": "a", "kind": "damaged", "file": {"path": "/x"}, "failed_at": ""})
    queue = Queue(waiting=2, oldest=900.0, unclaimable=1, unclaimable_reason="sub: closed")
    inbox = InboxStatus(failed_files=4, free_bytes=1 << 40)
    world.publisher.publish(lambda: replace(QUIET, waiting=2, queues={"a": queue}, inboxes={"a": inbox}))
    assert snapshot_from(world.file.read_bytes()) == world.publisher.snapshot
    assert world.publisher.snapshot.drop_to_result["a"].count == 1


def test_the_keys_of_the_first_version_are_there(world: World) -> None:
    """Programs read status.json of 0.1.0: no key of it may go, or get another meaning."""
    world.publisher.publish(lambda: QUIET)
    keys = {
        "pid", "at", "began", "state", "waiting", "in_work", "workers", "worker_restarts", "lack", "queues",
        "overflows", "engines", "inboxes", "reload_refused", "engine", "start", "jobs", "files_per_minute",
        "pages_per_second", "by_minute", "since_start", "stages", "last_documents", "last_failures",
    }  # fmt: skip
    assert keys <= set(world.published())
    assert world.published()["schema"] == "ocrspool-snapshot/1"
    assert set(world.published()["by_minute"]) == {"files", "pages"}


def test_at_most_once_a_second(world: World) -> None:
    """A change that comes at once after another waits, and is published when the second is over."""
    world.publisher.publish(lambda: QUIET)
    world.now += 0.4
    busy = replace(QUIET, waiting=1)
    world.publisher.publish(lambda: busy)
    assert world.published()["waiting"] == 0
    assert world.publisher.due_in(lambda: busy) == pytest.approx(0.6)
    world.now += 0.6
    world.publisher.publish(lambda: busy)
    assert world.published()["waiting"] == 1


def test_at_once(world: World) -> None:
    """A reload is answered at once."""
    world.publisher.publish(lambda: QUIET)
    world.publisher.publish(lambda: replace(QUIET, reload_refused="no"), at_once=True)
    assert world.published()["reload_refused"] == "no"


def test_nothing_new_is_published_once_a_minute(world: World) -> None:
    """The rates fall meanwhile. Nothing is written for nothing: a laptop's disk may sleep."""
    world.publisher.publish(lambda: QUIET)
    world.now += 1
    assert world.publisher.due_in(lambda: QUIET) == pytest.approx(59)
    world.now += 58
    world.publisher.publish(lambda: QUIET)
    assert len(world.systemd.lines) == 1
    world.now += 1
    world.publisher.publish(lambda: QUIET)
    assert len(world.systemd.lines) == 2


def test_pages_that_are_read_are_looked_at_each_second(world: World) -> None:
    """No event says that a page was read."""
    working = replace(QUIET, in_work=1)
    world.publisher.publish(lambda: working)
    assert world.publisher.due_in(lambda: working) == pytest.approx(1)


def test_the_keepalive_has_its_own_pace(world: World) -> None:
    """Twice as often as systemd asks, and never while something is stuck."""
    world.publisher.keepalive(lambda: True)
    assert world.systemd.keepalives == 0, "systemd asks for none"
    world.systemd.keepalive_seconds = 5.0
    world.publisher.publish(lambda: QUIET)
    world.publisher.keepalive(lambda: True)
    world.now += 4
    world.publisher.keepalive(lambda: True)
    assert world.systemd.keepalives == 1
    assert world.publisher.due_in(lambda: QUIET) == pytest.approx(1)
    world.now += 1
    world.publisher.keepalive(lambda: False)
    assert world.systemd.keepalives == 1
    world.now += 5
    world.publisher.keepalive(lambda: True)
    assert world.systemd.keepalives == 2


def test_the_line_of_systemctl(world: World) -> None:
    """It has all that somebody has to mend."""
    world.publisher.publish(
        lambda: ServiceStatus(
            state="degraded",
            waiting=3,
            lack="less than 500 MiB free",
            inboxes={"a": InboxStatus(state="waits", reason="no access"), "b": InboxStatus()},
            queues={"b": Queue(unclaimable=2, unclaimable_reason="sub/x.png: Permission denied")},
            reload_refused="engine.devices: no",
        )
    )
    (line,) = world.systemd.lines
    assert line == (
        "degraded · openvino bf16 · 3 waiting, 0 in work, 0 done, 0 failed · 0.0 pages/s"
        " · claims nothing: less than 500 MiB free · inbox a waits: no access"
        " · inbox b: 2 files or folders cannot be taken: sub/x.png: Permission denied"
        " · reload refused: engine.devices: no"
    )


def test_failures_of_an_earlier_run_are_there(tmp_path: Path) -> None:
    """After a start the files in failed/ are the last failures; those of this run come before them, each once."""
    there = [failure("old.png", "1", "j1"), failure("older.png", "0"), failure("new.png", "2", "j2")]
    world = World(tmp_path, failed_before=lambda: there)
    world.publisher.publish(lambda: QUIET)
    last = [each.file.path for each in world.publisher.snapshot.last_failures]
    assert last == ["/s/failed/new.png", "/s/failed/old.png", "/s/failed/older.png"]
    told = {"inbox": "a", "job": "j2", "message": "told", "failed_at": "2026-01-02T00:00:00.000Z"}
    world.statistics.failed({**told, "file": {"path": "/s/failed/new.png"}})
    world.now += 1
    world.publisher.publish(lambda: QUIET)
    assert [each.message for each in world.publisher.snapshot.last_failures] == ["told", "", ""]


def test_a_flood_of_failures_is_bounded(tmp_path: Path) -> None:
    """Ten of them, however many lie there."""
    world = World(tmp_path, failed_before=lambda: [failure(f"{number}.png", "1") for number in range(100)])
    world.publisher.publish(lambda: QUIET)
    assert len(world.publisher.snapshot.last_failures) == 10


def test_a_disk_or_a_machine_that_says_nothing(tmp_path: Path) -> None:
    """Neither a status that cannot be written nor memory that cannot be measured stops the service."""

    def unknown() -> int:
        raise OSError("no /proc")

    world = World(tmp_path / "missing", free_memory=unknown)
    world.publisher.publish(lambda: QUIET)
    assert world.publisher.snapshot.free_memory_bytes is None
    assert world.systemd.lines
    world.publisher.close()


def test_it_goes_with_the_service(world: World) -> None:
    """No status file is left that says "ready"."""
    world.publisher.publish(lambda: QUIET)
    world.publisher.close()
    assert not world.file.exists()


def test_changes_of_the_state_are_logged_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """With the inbox that is the cause, and the event that people search for."""
    caplog.set_level(logging.INFO)
    bad = ServiceStatus(state="degraded", inboxes={"a": InboxStatus(state="hangs", reason="no answer")})
    for standing in (QUIET, bad, replace(bad, waiting=1), replace(bad, inboxes={}), QUIET):
        world.publisher.publish(partial(replace, standing), at_once=True)
    told = [(record.event, record.message) for record in caplog.records]  # type: ignore[attr-defined]
    assert told == [("degraded", "degraded: inbox a hangs: no answer"), ("ready", "ready again")]


def test_nobody_looks_a_moment_after_it_was_published(world: World) -> None:
    """The main loop asks several times for each file, and looking costs more than all else that it does."""
    looks: list[int] = []

    def look() -> ServiceStatus:
        looks.append(1)
        return QUIET

    world.publisher.publish(look)
    for _ in range(100):
        world.publisher.publish(look)
        assert 0 < world.publisher.due_in(look) <= 1
    assert len(looks) == 1
    world.publisher.publish(look, at_once=True)
    assert len(looks) == 2
