"""A real service is asked how it is, while it works, when its engine is gone, and when it is told to stop."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from support import drawn_pages
from support.daemon_process import Daemon, NewDaemon
from support.http_client import ask as asked_at
from support.waiting import wait_until

pytestmark = pytest.mark.engine


def ask(daemon: Daemon, path: str) -> tuple[int, str]:
    """The status and the body; 0 when nobody listens."""
    try:
        return asked_at(daemon.folder / "ask.sock", path)
    except OSError:
        return 0, ""


def metric(daemon: Daemon, name: str) -> float | None:
    """The value of a metric, given with its labels as they are written."""
    lines = ask(daemon, "/metrics")[1].splitlines()
    return next((float(line.removeprefix(f"{name} ")) for line in lines if line.startswith(f"{name} ")), None)


@pytest.fixture
def asked(new_daemon: NewDaemon, tmp_path: Path, engine_cache: Path) -> Daemon:
    """A service that may be asked, with an engine cache of its own."""
    shutil.copytree(engine_cache, tmp_path / "cache", symlinks=True)
    return new_daemon(cache=tmp_path / "cache", more=f"[metrics]\nlisten = '{tmp_path}/d/ask.sock'\n")


def test_what_is_told_is_true(asked: Daemon) -> None:
    """Nobody answers before it is ready; documents and killed workers count; without an engine it is not ready."""
    assert ask(asked, "/readyz")[0] == 0
    asked.start()
    assert ask(asked, "/livez") == (200, "alive\n")
    assert ask(asked, "/readyz") == (200, "ready\n")
    asked.drop("one.png", drawn_pages.png("One"))
    asked.drop("two.txt", b"no picture")
    asked.result("one.png")
    asked.reason("two.txt")
    wait_until(lambda: metric(asked, 'ocrspool_files_total{inbox="default",result="done"}') == 1, 30)
    wait_until(lambda: metric(asked, 'ocrspool_files_total{inbox="default",result="failed"}') == 1, 30)
    assert metric(asked, 'ocrspool_pages_total{inbox="default"}') == 1
    assert metric(asked, 'ocrspool_stage_seconds_count{stage="recognize"}') == 1
    shutil.rmtree(asked.cache)
    (worker,) = asked.workers()
    asked.send_to(worker, signal.SIGKILL)
    wait_until(lambda: ask(asked, "/readyz") == (503, "degraded\n"), 60)
    assert ask(asked, "/livez")[0] == 200
    assert "degraded: no worker has an engine" in asked.log()
    assert metric(asked, "ocrspool_ready") == 0
    assert (metric(asked, "ocrspool_worker_restarts_total") or 0) >= 1
    assert asked.stop() == 0
    assert ask(asked, "/livez")[0] == 0
