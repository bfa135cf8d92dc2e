"""The life of a service, from its start to its drain, with real inboxes and without a process or an engine."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config
from ocrspool.decoding.stub import PreparedDocument, StubDecoderPool
from ocrspool.errors import ConfigError, EngineMissingError
from ocrspool.pages import PageImage
from ocrspool.processes.starting import Start
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.recognition.stub import Answer, StubRecognizer
from ocrspool.service.daemon import Service
from ocrspool.service.first_steps import FirstSteps
from ocrspool.service.parts import OnStage, Parts
from ocrspool.service.signals import Signals
from support.stub_pages import text
from support.waiting import wait_until


class CalledSignals(Signals):
    """Signals that a test calls instead of the kernel."""

    def install(self) -> None:
        """Leave the signals of this process alone."""

    def stop(self) -> None:
        self._on_stop(0, None)

    def reload(self) -> None:
        self._on_reload(0, None)

    def break_the_main_loop(self) -> None:
        """Have it meet an error that nothing there expects, as "can't start new thread" was."""
        self.reload_wanted = Broken()  # type: ignore[assignment] # which is the point
        self._wake.set()


class Broken:
    """Cannot be asked whether it is true."""

    def __bool__(self) -> bool:
        raise RuntimeError("a bug of the service")


@dataclass
class World:
    """A service on a thread of the test."""

    root: Path
    more: str = ""
    """Of its configuration, about its inbox `a`; other tables may follow."""
    least_memory_mb: int = 0
    problems: list[Exception] = field(default_factory=list)
    """What keeps the recognizers from loading, one after the other."""
    held: threading.Event = field(default_factory=threading.Event)
    """Set while pages stay with the recognizer."""
    recognizers: list[StubRecognizer] = field(default_factory=list)
    built: list[Config] = field(default_factory=list)
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.configure(self.more)
        parts = Parts(
            lambda *_: StubDecoderPool(lambda _: PreparedDocument()), self.recognizer, self.build, self.signals_of
        )
        self.first = FirstSteps(self.root / "ocrspool.toml", None, parts)
        self.service = Service(self.first)
        self.thread = threading.Thread(target=self.run)

    def signals_of(self, wake: WakeupEvent) -> Signals:
        self.signals = CalledSignals(wake)
        return self.signals

    def recognizer(self, _live: CurrentConfig, _on_stage: OnStage, _start: Start) -> StubRecognizer:
        made = StubRecognizer(self.answer)
        made.problem = self.problems.pop(0) if self.problems else None
        self.recognizers.append(made)
        return made

    def answer(self, _image: PageImage) -> Answer:
        return "hang" if self.held.is_set() else text("read")

    def build(self, config: Config, on_stage: OnStage) -> None:
        on_stage("building")
        self.built.append(config)

    def configure(self, more: str) -> None:
        paths = f"paths = {{ cache = '{self.root}/cache', runtime = '{self.root}/run' }}\n"
        limits = f"limits = {{ free_disk_mb = 0, free_memory_mb = {self.least_memory_mb} }}\n"
        inbox = f"[inbox.a]\nroot = '{self.root}/a'\nsettle_seconds = 0\npoll_seconds = 0.1\n"
        (self.root / "ocrspool.toml").write_text(paths + limits + inbox + more, "utf-8")

    def run(self) -> None:
        try:
            self.first.start_workers()
            self.service.run()
        except Exception as error:  # noqa: BLE001 - it is looked at
            self.error = error

    def start(self) -> World:
        self.thread.start()
        return self

    def status(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.root / "run/status.json").read_bytes())
        except FileNotFoundError:
            return {}
        return found

    def drop(self, *names: str) -> None:
        wait_until((self.root / "a/inbox").is_dir)
        for name in names:
            aside = self.root / "a" / name
            aside.write_bytes(name.encode())
            aside.rename(self.root / "a/inbox" / name)

    def files(self, state: str) -> list[str]:
        return sorted(path.name for path in (self.root / "a" / state).iterdir() if path.is_file())

    def release(self) -> None:
        """Have the pages read that stay with the recognizer, and those that come."""
        self.held.clear()
        for future in self.recognizers[-1].unread:
            future.set_result(text("read"))
        self.recognizers[-1].unread.clear()

    def stop(self) -> None:
        self.signals.stop()
        self.ended()

    def ended(self) -> None:
        self.thread.join(30)
        assert not self.thread.is_alive()


NewWorld = Callable[..., World]


@pytest.fixture
def new_world(tmp_path: Path) -> Iterator[NewWorld]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    made: list[World] = []

    def make(**parts: Any) -> World:  # noqa: ANN401 - as World has them
        made.append(World(tmp_path, **parts))
        root.handlers = handlers  # what the service has set up writes to the console
        return made[-1]

    yield make
    for world in made:
        while world.thread.is_alive():
            world.release()
            world.signals.stop()
            world.thread.join(0.1)
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_a_file_comes_out(new_world: NewWorld) -> None:
    """It is read, and a stop ends the service with all of its parts."""
    world = new_world().start()
    world.drop("x.png")
    wait_until((world.root / "a/done/x.png").exists)
    assert json.loads((world.root / "a/outbox/x.png.json").read_bytes())["text"] == "read"
    assert world.status()["state"] == "ready"
    world.stop()
    assert world.error is None
    assert [recognizer.is_closed for recognizer in world.recognizers] == [True]


def test_a_reload_changes_no_job_that_was_claimed_before(new_world: NewWorld) -> None:
    """That job keeps its outputs, the mode of its result, and what becomes of its source. The next one has the new."""
    world = new_world(more="include = ['before*']\n")
    world.held.set()
    world.start()
    world.drop("before.png", "later.png")
    wait_until(lambda: world.recognizers[0].unread)
    world.configure("outputs = ['txt']\nafter = 'delete'\noutbox_mode = '0600'\ndone_marker = true\n")
    world.signals.reload()
    wait_until(lambda: len(world.recognizers[0].unread) == 2)  # so the new patterns hold, and with them all else
    world.release()
    wait_until(lambda: world.files("done") == ["before.png"])
    wait_until(lambda: not any((world.root / "a/work").glob("*/source/*")))
    assert world.files("outbox") == ["before.png.json", "later.png.done", "later.png.json", "later.png.txt"]
    modes = [(world.root / "a/outbox" / f"{name}.png.json").stat().st_mode & 0o777 for name in ("before", "later")]
    assert modes == [0o644, 0o600]
    assert world.files("done") == ["before.png"]


def test_a_hook_is_that_of_the_claim(new_world: NewWorld, tmp_path: Path) -> None:
    """Also where a reload takes the command away while the file is in work."""
    world = new_world(more=f"on_done = ['/bin/sh', '-c', 'echo $OCRSPOOL_NAME >> {tmp_path}/told']\n")
    world.held.set()
    world.start()
    world.drop("x.png")
    wait_until(lambda: world.recognizers[0].unread)
    world.configure("")
    world.signals.reload()
    wait_until(lambda: not world.signals.reload_wanted)
    world.release()
    assert wait_until(lambda: (tmp_path / "told").exists() and (tmp_path / "told").read_text()) == "x.png\n"


def test_a_faulty_reload_is_refused(new_world: NewWorld, caplog: pytest.LogCaptureFixture) -> None:
    """The service goes on with what it has, and says so."""
    world = new_world().start()
    world.drop("x.png")
    wait_until((world.root / "a/done/x.png").exists)
    world.configure("nonsense = 1\n")
    world.signals.reload()
    wait_until(lambda: not world.signals.reload_wanted)
    world.drop("y.png")
    wait_until((world.root / "a/done/y.png").exists)
    assert "the configuration in use stays" in caplog.text


def test_a_new_inbox_serves_after_a_reload(new_world: NewWorld) -> None:
    """Without a restart."""
    world = new_world().start()
    wait_until(world.status)
    world.configure(f"[inbox.b]\nroot = '{world.root}/b'\nsettle_seconds = 0\npoll_seconds = 0.1\n")
    world.signals.reload()
    wait_until((world.root / "b/inbox").is_dir)
    (world.root / "b/inbox/z.png").write_bytes(b"z")
    wait_until((world.root / "b/done/z.png").exists)


def test_a_missing_engine_ends_the_start(new_world: NewWorld) -> None:
    """Unless it may be built. All parts are closed."""
    world = new_world(problems=[EngineMissingError("there is none")]).start()
    world.ended()
    assert isinstance(world.error, EngineMissingError)
    assert world.recognizers[0].is_closed
    assert world.built == []


def test_a_missing_engine_is_built(new_world: NewWorld) -> None:
    """Then another recognizer loads it, and serves."""
    world = new_world(problems=[EngineMissingError("there is none")], more="[engine]\non_missing = 'build'\n").start()
    world.drop("x.png")
    wait_until((world.root / "a/done/x.png").exists)
    assert len(world.built) == 1
    assert [recognizer.is_closed for recognizer in world.recognizers] == [True, False]


def test_a_stop_that_comes_before_the_engine_is_looked_for(new_world: NewWorld) -> None:
    """It is obeyed then, and nothing is built first: that may take half an hour."""
    world = new_world(problems=[EngineMissingError("there is none")], more="[engine]\non_missing = 'build'\n")
    world.signals.stop()
    world.start()
    world.ended()
    assert world.error is None
    assert world.built == []
    assert world.recognizers[0].is_closed


def test_an_inbox_that_cannot_be_used_ends_the_start(new_world: NewWorld) -> None:
    """Where there is no other."""
    world = new_world()
    (world.root / "a").mkdir()
    (world.root / "a/work").write_bytes(b"no folder")
    world.start()
    world.ended()
    assert isinstance(world.error, ConfigError)


def test_a_stop_drains(new_world: NewWorld) -> None:
    """What is in work is read to its end, and nothing new is claimed."""
    world = new_world()
    world.held.set()
    world.start()
    world.drop("x.png")
    wait_until(lambda: world.recognizers[0].unread)
    world.signals.stop()
    wait_until(lambda: world.status().get("state") == "stopping")
    world.drop("late.png")
    world.release()
    world.ended()
    assert world.files("done") == ["x.png"]
    assert world.files("inbox") == ["late.png"]


@pytest.mark.parametrize("ends", ["in time", "by a second signal"])
def test_a_drain_that_ends(new_world: NewWorld, ends: str) -> None:
    """The job stays in work/ for the next start. It has cost no attempt, and no file fails."""
    world = new_world(more="[service]\nstop_seconds = 0.05\n" if ends == "in time" else "")
    world.held.set()
    world.start()
    world.drop("x.png")
    wait_until(lambda: world.recognizers[0].unread)
    world.signals.stop()
    if ends == "by a second signal":
        world.signals.stop()
    world.ended()
    assert world.files("failed") == world.files("done") == []
    (job,) = (world.root / "a/work").glob("2*")
    assert [path.name for path in (job / "source").iterdir()] == ["x.png"]


def test_a_bug_of_the_service_fails_no_document(new_world: NewWorld) -> None:
    """It ends the service. What ends its jobs then is not the fault of their files: they stay in work/."""
    world = new_world(more="[service]\nattempts = 1\n")
    world.held.set()
    world.start()
    world.drop("x.png")
    wait_until(lambda: world.recognizers[0].unread)
    world.signals.break_the_main_loop()
    world.ended()
    assert isinstance(world.error, RuntimeError)
    assert world.files("failed") == world.files("done") == []
    (job,) = (world.root / "a/work").glob("2*")
    assert json.loads((job / "job.json").read_bytes())["attempts"] == 0


def test_the_next_start_reads_what_the_last_one_left(new_world: NewWorld) -> None:
    """A file in work/ that no process has."""
    first = new_world()
    left = first.root / "a/work/20260101T000000-00000001"
    (left / "source").mkdir(parents=True)
    left.parent.chmod(0o700)
    left.chmod(0o700)
    (left / "source").chmod(0o700)
    (left / "source/x.png").write_bytes(b"x")
    first.start()
    wait_until((first.root / "a/done/x.png").exists)
    wait_until(lambda: not left.exists())


def test_memory_that_is_short_pauses_claims(new_world: NewWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recognizer is asked to begin anew, because it holds the most. When there is memory again, all goes on."""
    free = [0]
    monkeypatch.setattr("ocrspool.machine.memory.available_bytes", lambda: free[0])
    world = new_world(least_memory_mb=1)
    world.start()
    world.drop("x.png")
    wait_until(lambda: world.recognizers[0].renewals)
    assert world.files("inbox") == ["x.png"]
    free[0] = 1 << 40
    wait_until((world.root / "a/done/x.png").exists)
