"""Engines that are missing, damaged, another's or just being built: what `prebuild` and `serve` make of them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support import drawn_pages
from support.daemon_process import COMMAND, Daemon, NewDaemon, NotifySocket, environment, ocrspool
from support.process_table import children_of, lives
from support.waiting import wait_until

pytestmark = pytest.mark.engine


@pytest.fixture
def own_cache(engine_cache: Path, tmp_path: Path) -> Path:
    """A copy of the built cache, to be damaged."""
    return Path(shutil.copytree(engine_cache, tmp_path / "cache"))


def engine_in(cache: Path) -> Path:
    """The folder of the one engine in a cache."""
    (manifest,) = cache.glob("engines/*/manifest.json")
    return manifest.parent


def config_for(cache: Path, more: str = "") -> Path:
    """A configuration that does nothing but name a cache."""
    path = cache.with_name("ocrspool.toml")
    paths = f"[paths]\ncache = '{cache}'\nruntime = '{cache.with_name('run')}'\n"
    path.write_text(f"{paths}[inbox.default]\nroot = '{cache.with_name('spool')}'\n{more}", "utf-8")
    return path


UNCOMPARED = "[engine]\nprecision = 'f32'\n"
"""An engine that is its own reference is built in half the time."""


@pytest.fixture(scope="module")
def uncompared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with such an engine, for copies that are built again."""
    cache = tmp_path_factory.mktemp("uncompared") / "cache"
    assert ocrspool("prebuild", "--config", config_for(cache, UNCOMPARED)).returncode == 0
    return cache


@pytest.fixture
def own_uncompared(uncompared: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(uncompared, tmp_path / "cache"))


def refused(daemon: Daemon) -> str:
    """Start a service that must not come up; what it logged."""
    daemon.spawn()
    assert daemon.wait() == 69
    assert not daemon.said("READY=1")
    assert "Traceback" not in daemon.log()
    assert "ocrspool prebuild" in daemon.log()
    return daemon.log()


def test_serve_without_an_engine(new_daemon: NewDaemon, tmp_path: Path) -> None:
    """Without an engine `serve` ends with 69, names what to do, builds nothing and takes no file."""
    cache = tmp_path / "empty"
    daemon = new_daemon(cache=cache)
    daemon.drop("waiting.png", drawn_pages.png("Waiting"))
    assert "no engine" in refused(daemon)
    assert list(cache.rglob("*.blob")) == []
    assert daemon.files("inbox") == ["waiting.png"]


def test_serve_builds_where_allowed(new_daemon: NewDaemon, tmp_path: Path) -> None:
    """With on_missing = "build" it builds, says so, and serves; the next start finds the engine and builds nothing."""
    cache = tmp_path / "empty"
    daemon = new_daemon(cache=cache, more=f"{UNCOMPARED}on_missing = 'build'\n")
    daemon.start()
    daemon.drop("built.png", drawn_pages.png("Freshly built"))
    assert drawn_pages.says(daemon.result("built.png"), "Freshly built")
    assert "building it now" in daemon.log()
    assert daemon.said("STATUS=building detection engine 1/3: PP-OCRv6_small_det") == 1
    assert daemon.stop() == 0
    before = {path: path.stat().st_mtime_ns for path in engine_in(cache).rglob("*")}
    daemon.start()
    assert daemon.said("STATUS=building detection engine 1/3: PP-OCRv6_small_det") == 1
    assert {path: path.stat().st_mtime_ns for path in engine_in(cache).rglob("*")} == before


def test_other_precision(new_daemon: NewDaemon, engine_cache: Path) -> None:
    """An engine of another precision is refused, and what differs is named."""
    identity = json.loads((engine_in(engine_cache) / "manifest.json").read_bytes())["identity"]
    have = identity["precision"]
    want = "f32" if have == "bf16" else "bf16"
    log = refused(new_daemon(more=f"[engine]\nprecision = '{want}'\n"))
    assert f"precision: {have} → {want}" in log


@pytest.mark.parametrize("harm", ["truncated", "altered", "deleted", "empty", "added"])
def test_damaged_engine(new_daemon: NewDaemon, own_uncompared: Path, harm: str) -> None:
    """A damaged file of the engine is named, the start refused and nothing rebuilt; `prebuild` mends it."""
    # The smallest, because that is built again soonest.
    blob = min(engine_in(own_uncompared).rglob("*.blob"), key=lambda path: path.stat().st_size)
    blob.chmod(0o600)
    named = blob.name
    data = bytearray(blob.read_bytes())
    if harm == "truncated":
        blob.write_bytes(data[:-1])
    elif harm == "altered":
        data[len(data) // 2] ^= 1
        blob.write_bytes(data)
    elif harm == "deleted":
        blob.unlink()
    elif harm == "empty":
        blob.write_bytes(b"")
    else:
        named = "1234.blob"
        blob.with_name(named).write_bytes(data)
    before = {path: path.read_bytes() for path in engine_in(own_uncompared).rglob("*") if path.is_file()}
    daemon = new_daemon(cache=own_uncompared, more=UNCOMPARED)
    assert named in refused(daemon)
    assert {path: path.read_bytes() for path in engine_in(own_uncompared).rglob("*") if path.is_file()} == before
    mended = ocrspool("prebuild", "--config", daemon.config)
    assert (mended.returncode, "built" in mended.stdout) == (0, True), mended.stderr
    assert mended.stderr.count("is there already") == 2, "only what is damaged is built again"
    daemon.start()


def test_altered_model_of_the_engine(new_daemon: NewDaemon, own_cache: Path) -> None:
    """The edited model beside the blob is as much of the engine as the blob itself."""
    model = next(engine_in(own_cache).rglob("*.xml"))
    model.write_text(model.read_text("utf-8") + "\n", "utf-8")
    assert model.name in refused(new_daemon(cache=own_cache))


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"schema": "ocrspool-engine/1"}'])
def test_manifest_missing_or_damaged(new_daemon: NewDaemon, own_cache: Path, content: str | None) -> None:
    """An engine without a sound manifest counts as none."""
    manifest = engine_in(own_cache) / "manifest.json"
    if content is None:
        manifest.unlink()
    else:
        manifest.write_text(content, "utf-8")
    assert f"no engine {manifest.parent.name}" in refused(new_daemon(cache=own_cache))


def test_engine_that_reads_otherwise(new_daemon: NewDaemon, own_uncompared: Path) -> None:
    """An engine that does not read the known page as when it was built is refused, and `prebuild` builds it anew."""
    manifest = engine_in(own_uncompared) / "manifest.json"
    told = json.loads(manifest.read_bytes())
    manifest.write_text(json.dumps({**told, "known_text": ["something else"]}), "utf-8")
    daemon = new_daemon(cache=own_uncompared, more=UNCOMPARED)
    assert "something else" in refused(daemon)
    assert ocrspool("prebuild", "--config", daemon.config).returncode == 0
    daemon.start()


def test_copied_engine(new_daemon: NewDaemon, own_cache: Path) -> None:
    """An engine that was copied elsewhere, with new times, is still the engine."""
    for path in own_cache.rglob("*"):
        os.utime(path)
    new_daemon(cache=own_cache).start()


def test_second_prebuild(own_uncompared: Path) -> None:
    """`prebuild` of what is there and sound says so and changes nothing; --force builds it again."""
    config = config_for(own_uncompared, UNCOMPARED)
    before = {path: path.stat().st_mtime_ns for path in engine_in(own_uncompared).rglob("*")}
    again = ocrspool("prebuild", "--config", config)
    assert again.returncode == 0
    assert "already there" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in engine_in(own_uncompared).rglob("*")} == before
    forced = ocrspool("prebuild", "--config", config, "--force")
    assert forced.returncode == 0
    assert "already there" not in forced.stdout
    assert {path: path.stat().st_mtime_ns for path in engine_in(own_uncompared).rglob("*")} != before


def start_prebuild(config: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [COMMAND, "prebuild", "--config", config],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def test_two_prebuilds_at_once(tmp_path: Path) -> None:
    """Of two prebuilds at once one builds; the other waits for it and finds the engine."""
    config = config_for(tmp_path / "cache", UNCOMPARED)
    both = [start_prebuild(config) for _ in range(2)]
    outputs = [one.communicate(timeout=110) for one in both]
    assert [one.returncode for one in both] == [0, 0], outputs
    found = sorted("already there" in output for output, _ in outputs)
    assert found == [False, True], outputs
    assert len(list((tmp_path / "cache").glob("engines/*/manifest.json"))) == 1


def test_killed_prebuild(tmp_path: Path) -> None:
    """A prebuild that is killed takes its child along; its leftovers are no engine, and the next one replaces them."""
    cache = tmp_path / "cache"
    config = config_for(cache, UNCOMPARED)
    killed = start_prebuild(config)
    wait_until(lambda: list(cache.rglob("*.blob")), 60)
    children = children_of(killed.pid)
    assert children
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=30)
    wait_until(lambda: not any(lives(pid) for pid in children), 15)
    assert list(cache.rglob("manifest.json")) == []
    (leftover,) = [path for path in cache.glob("engines/*") if path.is_dir()]
    (leftover / "garbage").write_bytes(b"garbage")
    built = ocrspool("prebuild", "--config", config)
    assert built.returncode == 0, built.stderr
    assert "already there" not in built.stdout
    assert engine_in(cache) == leftover
    assert not (leftover / "garbage").exists()


def built_models(cache: Path) -> list[Path]:
    """The records of the models that an unfinished build has behind it."""
    return sorted(cache.glob("engines/*/*.built.json"))


def files_of(record: Path) -> dict[Path, int]:
    """The files of a model that is built, and when they were written."""
    folder = record.with_name(record.name.removesuffix(".built.json"))
    return {path: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_a_build_goes_on_after_a_kill(tmp_path: Path) -> None:
    """What was finished when the machine went down is not built again: with TensorRT that is a quarter of an hour."""
    cache = tmp_path / "cache"
    config = config_for(cache, UNCOMPARED)
    killed = start_prebuild(config)
    (first, *_) = wait_until(lambda: built_models(cache), 60)
    killed.kill()
    killed.communicate(timeout=30)
    before = files_of(first)
    again = ocrspool("prebuild", "--config", config)
    assert again.returncode == 0, again.stderr
    assert "detection engine 1/3 is there already: PP-OCRv6_small_det" in again.stderr
    assert "building detection" not in again.stderr
    assert files_of(first) == before
    assert built_models(cache) == []
    assert "already there" in ocrspool("prebuild", "--config", config).stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_build_that_is_told_to_end(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C or a stop of the unit: it ends at once, in words, with nothing locked, published or running."""
    cache = tmp_path / "cache"
    told = start_prebuild(config_for(cache, UNCOMPARED))
    wait_until(lambda: built_models(cache), 60)
    children = children_of(told.pid)
    told.send_signal(number)
    _, errors = told.communicate(timeout=30)
    assert told.returncode == 130
    assert "goes on with what is built so far" in errors
    assert "Traceback" not in errors
    assert list(cache.rglob("manifest.json")) == []
    assert not any(lives(pid) for pid in children)
    (lock,) = cache.glob("engines/*.lock")
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_build_whose_terminal_hangs_up(tmp_path: Path) -> None:
    """The connection broke: nobody sees it any more, and it is finished all the same."""
    cache = tmp_path / "cache"
    terminal, inside = pty.openpty()
    code = (
        "import fcntl, os, sys, termios\n"
        "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        f"os.execv({os.fspath(COMMAND)!r}, ['ocrspool', 'prebuild', '--config', sys.argv[1]])"
    )
    command = [sys.executable, "-c", code, os.fspath(config_for(cache, UNCOMPARED))]
    with subprocess.Popen(
        command, stdin=inside, stdout=inside, stderr=inside, env=environment(), start_new_session=True
    ) as build:
        os.close(inside)
        seen = b""
        while b"building recognition" not in seen:
            seen += os.read(terminal, 4096)
        os.close(terminal)  # the kernel sends SIGHUP, and every write fails from now on
        assert build.wait(110) == 0
    assert "\x1b[?25l" in seen.decode(), "it was a terminal to the program"
    assert engine_in(cache)


def test_a_build_whose_reader_goes_away(tmp_path: Path) -> None:
    """`ssh host ocrspool prebuild` without a terminal: a pipe that nobody reads any more is no reason to stop."""
    cache = tmp_path / "cache"
    build = start_prebuild(config_for(cache, UNCOMPARED))
    assert build.stdout is not None
    assert build.stderr is not None
    while "building recognition" not in build.stderr.readline():
        pass
    build.stdout.close()
    build.stderr.close()
    assert build.wait(110) == 0
    assert engine_in(cache)


OFTEN = """
import sys
from ocrspool.recognition import prebuild
prebuild.HEARTBEAT_SECONDS = 0.2
from ocrspool.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_long_stage_is_told_again(tmp_path: Path) -> None:
    """A child that says nothing for long, as TensorRT's builder does: the parent says that it still goes on.

    More often than once a minute, for the test. It is told on standard error and to systemd, which is asked for time.
    """
    cache = tmp_path / "cache"
    notify = NotifySocket(tmp_path / "notify")
    variables = environment(NOTIFY_SOCKET=os.fspath(notify.path))
    command = [sys.executable, "-c", OFTEN, "prebuild", "--config", os.fspath(config_for(cache, UNCOMPARED))]
    pipe = subprocess.PIPE
    with (
        contextlib.closing(notify),
        subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=variables) as build,
    ):
        assert build.stderr is not None
        while "building recognition" not in (stage := build.stderr.readline()):
            pass
        (worker,) = children_of(build.pid)
        os.kill(worker, signal.SIGSTOP)
        try:
            beats: list[str] = []
            while len(beats) < 2:
                line = build.stderr.readline()
                beats += [line] if "still" in line else []
        finally:
            os.kill(worker, signal.SIGCONT)
        output, errors = build.communicate(timeout=110)
    assert build.returncode == 0, output + errors
    assert all(re.search(r"\] still \S.* engine \d/3: \S+: \d+ s so far$", beat.strip()) for beat in beats), beats
    assert "building recognition" in stage
    assert any(message.startswith("STATUS=still ") for message in notify.messages())
    assert any(message.startswith("EXTEND_TIMEOUT_USEC=") for message in notify.messages())
    assert notify.messages()[-1].startswith("STATUS=engine ")


def test_an_estimate_by_the_last_build(tmp_path: Path) -> None:
    """A build that took long is remembered, and the next one says so at its beginning."""
    cache = tmp_path / "cache"
    config = config_for(cache, UNCOMPARED)
    assert ocrspool("prebuild", "--config", config).returncode == 0
    history = cache / "engines/history.json"
    entries = json.loads(history.read_bytes())
    assert sorted(entry["about"]["model"] for entry in entries) == [
        "PP-OCRv6_small_det",
        "PP-OCRv6_small_rec",
        "ch_ppocr_mobile_v2_cls",
    ]
    history.write_text(json.dumps([{**entry, "seconds": 900.0} for entry in entries]), "utf-8")
    again = ocrspool("prebuild", "--force", "--config", config)
    assert "2/3: PP-OCRv6_small_rec, about 15 min by the last build of it here\n" in again.stderr
    assert max(entry["seconds"] for entry in json.loads(history.read_bytes())) < 900.0


def test_serve_while_another_builds(new_daemon: NewDaemon, tmp_path: Path) -> None:
    """A half-built engine of a prebuild that is going on is none: `serve` refuses it."""
    cache = tmp_path / "cache"
    config = config_for(cache, UNCOMPARED)
    building = start_prebuild(config)
    wait_until(lambda: list(cache.rglob("*.blob")), 60)
    (worker,) = children_of(building.pid)
    os.kill(worker, signal.SIGSTOP)
    try:
        assert "no engine" in refused(new_daemon(cache=cache, more=UNCOMPARED))
    finally:
        os.kill(worker, signal.SIGCONT)
        output, errors = building.communicate(timeout=110)
    assert building.returncode == 0, output + errors
