"""`status --watch` as people and programs use it: on a terminal, into a pipe, with a real service at work."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support import sample_files
from support.daemon_process import COMMAND, Daemon, NewDaemon, environment, ocrspool
from support.waiting import wait_until


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration without a service."""
    path = tmp_path / "ocrspool.toml"
    path.write_text("[paths]\ncache = 'cache'\nruntime = 'run'\n[inbox.default]\nroot = 'spool'\n", "utf-8")
    return path


class Watching:
    """`status --watch` at work, and all that it has printed."""

    def __init__(self, *command: str | Path, out: int, source: int) -> None:
        self.process = subprocess.Popen(
            [COMMAND, "status", *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment(TERM="xterm"),
        )
        os.close(out)
        self._source = source
        self._seen = b""
        self._thread = threading.Thread(target=self._read, name="watching")
        self._thread.start()

    def shown(self) -> str:
        return self._seen.decode("utf-8", "replace")

    def end(self, number: signal.Signals) -> int:
        """Send the signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._thread.join()
        os.close(self._source)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._source, 65536)
            except OSError:  # what a terminal says when its other end has gone
                return
            if not data:
                return
            self._seen += data


@contextmanager
def watching(*command: str | Path, terminal: bool = False) -> Iterator[Watching]:
    """Run it until the test is over."""
    source, out = pty.openpty() if terminal else os.pipe()
    made = Watching(*command, out=out, source=source)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_without_a_terminal(config: Path, number: signal.Signals) -> None:
    """A block each time, with the time above it, and no control characters; a signal ends it with 130, quietly."""
    with watching("--watch", "0.1", "--config", config) as told:
        wait_until(lambda: told.shown().count("service  not running") >= 3, 60)
        assert told.end(number) == 130
    blocks = told.shown().split("\n\n")
    assert "\x1b" not in told.shown()
    assert "Traceback" not in told.shown()
    assert len(blocks) > 3


def test_on_a_terminal(config: Path) -> None:
    """It redraws in place, and gives the cursor back when it ends."""
    with watching("--watch", "0.1", "--config", config, terminal=True) as told:
        wait_until(lambda: told.shown().count("not running") >= 3, 60)
        assert told.end(signal.SIGINT) == 130
        wait_until(lambda: told.shown().rfind("\x1b[?25h") > told.shown().rfind("\x1b[?25l") >= 0, 30)
    assert "\x1b[1A" in told.shown(), "the cursor goes up to draw again"
    assert "Traceback" not in told.shown()


def test_for_programs(config: Path) -> None:
    """One JSON object a line, each with its time; a change in the folders is in the next one."""
    with watching("--watch", "0.1", "--json", "--config", config) as told:
        wait_until(lambda: told.shown().count("\n") >= 2, 60)
        inbox = config.with_name("spool") / "inbox"
        inbox.mkdir(parents=True)
        (inbox / "a.png").touch()
        wait_until(lambda: told.shown().count('"inbox": 1') >= 1, 60)
        assert told.end(signal.SIGINT) == 130
    looks: list[dict[str, Any]] = [json.loads(line) for line in told.shown().splitlines()]
    assert looks[0]["service"] is None
    assert looks[0]["time"] < looks[-1]["time"]
    assert (looks[0]["inboxes"]["default"]["inbox"], looks[-1]["inboxes"]["default"]["inbox"]) == (0, 1)


def test_a_reader_that_goes_away_ends_it(config: Path) -> None:
    """`| head -1` gets its line, and the command ends without a word."""
    command = f"{COMMAND} status --watch 0.1 --json --config {config}; echo $? >&2"
    ran = subprocess.run(
        ["/bin/bash", "-c", f"({command}) | head -1"],
        check=True,
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        timeout=60,
    )
    assert json.loads(ran.stdout)["service"] is None
    assert ran.stderr == "0\n"


@pytest.mark.parametrize(
    "arguments", [("--watch", "0"), ("--watch", "soon"), ("--watch", "-1"), ("--watch", "--audit")]
)
def test_wrong_usage(config: Path, arguments: tuple[str, ...]) -> None:
    """No time, no number, and what has its own pace."""
    answer = ocrspool("status", *arguments, "--config", config)
    assert (answer.returncode, answer.stdout) == (64, "")


def jobs(daemon: Daemon) -> list[dict[str, Any]]:
    """What the service says of the files in work."""
    found: dict[str, Any] = json.loads(ocrspool("status", "--json", "--config", daemon.config).stdout)
    in_work: list[dict[str, Any]] = found["service"]["jobs"]
    return in_work


@pytest.mark.engine
def test_a_file_in_work_shows_how_far_it_is(new_daemon: NewDaemon) -> None:
    """While the worker stands still, its pages are known and none is read; then it goes on, and is over."""
    daemon = new_daemon()
    daemon.start()
    (worker,) = daemon.workers()
    daemon.send_to(worker, signal.SIGSTOP)
    daemon.drop("three.pdf", sample_files.pdf(3))
    wait_until(lambda: [job["pages"] for job in jobs(daemon)] == [3], 60)
    (job,) = jobs(daemon)
    assert (job["path"], job["inbox"], job["read"], job["attempt"]) == ("three.pdf", "default", 0, 1)
    plain = ocrspool("status", "--config", daemon.config).stdout
    assert "0 of 3" in plain
    daemon.send_to(worker, signal.SIGCONT)
    assert len(daemon.result("three.pdf")["pages"]) == 3
    wait_until(lambda: not jobs(daemon), 60)
    assert "files/min" in ocrspool("status", "--config", daemon.config).stdout
