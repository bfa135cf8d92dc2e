"""The administrator's commands, as real processes: what they are told, how they end, what they cannot hurt."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ocrspool.config.job_options import HookOptions
from ocrspool.pipeline.hooks import Hooks
from ocrspool.pipeline.job_outcome import JobOutcome
from ocrspool.spool.jobs import Job
from support.process_table import lives
from support.waiting import wait_until

TELL = "import json, os, sys; open(sys.argv[1], 'a').write(json.dumps([sys.argv[2:], dict(os.environ)]) + '\\n')"
HANG = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(1000)"

New = Callable[..., Hooks]


class OfOneInbox(Hooks):
    """Hooks that hear of jobs with the same commands only."""

    def __init__(self, options: HookOptions) -> None:
        super().__init__()
        self._options = options

    def enqueue(self, event: JobOutcome) -> None:
        super().enqueue(replace(event, hooks=self._options))


@pytest.fixture
def new_hooks() -> Iterator[New]:
    """Makes the hooks of one inbox, `default`."""
    made: list[Hooks] = []

    def make(on_done: tuple[str, ...] = (), on_failed: tuple[str, ...] = (), seconds: float = 60) -> Hooks:
        hooks = OfOneInbox(HookOptions(on_done, on_failed, seconds))
        hooks.start()
        made.append(hooks)
        return hooks

    yield make
    for hooks in made:
        hooks.close()


def python(code: str, target: Path) -> tuple[str, ...]:
    """A command that runs this with a file to write to as its first argument."""
    return sys.executable, "-c", code, os.fspath(target)


def done(name: str = "a.png", *files: str) -> JobOutcome:
    paths = tuple(Path(file) for file in files or ("/out/a.png.json", "/out/a.png.txt"))
    return JobOutcome("done", Job("job-1", "default", name, Path("/nowhere")), paths, {"STATUS": "ok", "PAGES": "3"})


def failed() -> JobOutcome:
    files = (Path("/failed/b.png"), Path("/failed/b.png.reason.json"))
    return JobOutcome("failed", Job("job-2", "default", "b.png", Path("/nowhere")), files)


def test_a_command_is_told_of_the_files(new_hooks: New, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As arguments and in variables; nothing of what systemd tells the service; nothing is ever read by a shell."""
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    told = tmp_path / "told"
    hooks = new_hooks(on_done=python(TELL, told), on_failed=python(TELL, told))
    hooks.enqueue(done("$(touch pwned); \udcff.png", "/out/$(touch pwned); \udcff.json"))
    hooks.enqueue(failed())
    wait_until(lambda: not hooks.busy())
    (files, variables), (other_files, other_variables) = map(json.loads, told.read_text().splitlines())
    assert files == ["/out/$(touch pwned); \udcff.json"]
    assert variables["OCRSPOOL_NAME"] == "$(touch pwned); \\xff.png"
    assert variables["OCRSPOOL_RESULT"] == files[0]
    assert [variables[f"OCRSPOOL_{each}"] for each in ("OUTCOME", "JOB", "INBOX", "STATUS", "PAGES")] == [
        *("done", "job-1", "default", "ok", "3")
    ]
    assert "NOTIFY_SOCKET" not in variables
    assert other_files == ["/failed/b.png", "/failed/b.png.reason.json"]
    assert (other_variables["OCRSPOOL_FILE"], other_variables["OCRSPOOL_REASON"]) == tuple(other_files)
    assert not (tmp_path / "pwned").exists()


def test_a_command_reads_what_was_delivered(new_hooks: New, tmp_path: Path) -> None:
    """The result, or the reason, is its standard input; not what a link leads to that has been put in its place."""
    result, reason, read = tmp_path / "a.png.json", tmp_path / "b.png.reason.json", tmp_path / "read"
    result.write_text("the result;")
    reason.write_text("the reason;")
    hooks = new_hooks(on_done=("/bin/sh", "-c", f"cat >> {read}"), on_failed=("/bin/sh", "-c", f"cat >> {read}"))
    hooks.enqueue(done("a.png", os.fspath(result)))
    hooks.enqueue(replace(failed(), files=(tmp_path / "b.png", reason)))
    wait_until(lambda: not hooks.busy())
    assert read.read_text() == "the result;the reason;"
    (tmp_path / "secret").write_text("a secret")
    result.unlink()
    result.symlink_to(tmp_path / "secret")
    hooks.enqueue(done("a.png", os.fspath(result)))
    wait_until(lambda: not hooks.busy())
    assert read.read_text() == "the result;the reason;"


def test_one_at_a_time_in_their_order(new_hooks: New, tmp_path: Path) -> None:
    """The second begins when the first has ended; ringing waits for neither."""
    told = tmp_path / "told"
    code = "import sys, time; f = open(sys.argv[1], 'a', 1); f.write('<'); time.sleep(.05); f.write('>')"
    hooks = new_hooks(on_done=python(code, told))
    for _ in range(4):
        hooks.enqueue(done())
    wait_until(lambda: not hooks.busy())
    assert told.read_text() == "<>" * 4


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ((sys.executable, "-c", "raise SystemExit(3)"), "ended with 3"),
        (("/no/such/command",), "cannot run /no/such/command"),
        ((os.fspath(Path(__file__).parent),), "cannot run"),
    ],
    ids=["fails", "is not there", "is a folder"],
)
def test_a_command_that_fails_is_logged(
    new_hooks: New, caplog: pytest.LogCaptureFixture, command: tuple[str, ...], message: str
) -> None:
    """With the job's id; and the next one runs."""
    hooks = new_hooks(on_done=command)
    hooks.enqueue(done())
    hooks.enqueue(done())
    wait_until(lambda: not hooks.busy())
    records = [record for record in caplog.records if message in record.getMessage()]
    assert [record.levelno >= logging.WARNING for record in records] == [True, True]
    assert [getattr(record, "job", None) for record in records] == ["job-1", "job-1"]


@pytest.mark.slow
def test_a_command_that_hangs_is_killed(new_hooks: New, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With what it has started; the next one has its turn."""
    pid = tmp_path / "pid"
    child = f"import os, subprocess, sys; subprocess.run([sys.executable, '-c', {HANG!r}, sys.argv[1]])"
    hooks = new_hooks(on_done=python(child, pid), on_failed=python(TELL, tmp_path / "told"), seconds=2)
    hooks.enqueue(done())
    hooks.enqueue(failed())
    wait_until(lambda: not hooks.busy(), 90)
    assert "longer than 2 s" in caplog.text
    assert (tmp_path / "told").exists()
    if pid.exists():  # on a slow machine it was killed before it came to that
        wait_until(lambda: not lives(int(pid.read_text())))


def test_a_stop_kills_what_runs_and_drops_what_waits(
    new_hooks: New, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A stop does not wait for commands for long, and says how many it left."""
    pid = tmp_path / "pid"
    hooks = new_hooks(on_done=python(HANG, pid), on_failed=python(TELL, tmp_path / "told"))
    hooks.enqueue(done())
    hooks.enqueue(failed())
    wait_until(lambda: pid.exists() and pid.read_text())
    hooks.close()
    assert not lives(int(pid.read_text()))
    assert "was killed: the service stops" in caplog.text
    assert "1 command of" in caplog.text
    assert not (tmp_path / "told").exists()


def test_without_a_command_nothing_happens(new_hooks: New) -> None:
    """There is nothing to wait for either."""
    hooks = new_hooks()
    hooks.enqueue(done())
    assert not hooks.busy()
    assert threading.active_count() >= 2
