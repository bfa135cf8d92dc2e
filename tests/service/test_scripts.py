"""The command that a newcomer runs first."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

import pages_drawn
from daemons import environment
from waiting import wait_until

pytestmark = pytest.mark.engine

RUN = Path(__file__).parents[2] / "scripts/run"


def test_run(tmp_path: Path) -> None:
    """scripts/run serves a folder out of nothing, from any directory, says where files go, and ends with Ctrl-C."""
    spool, log = tmp_path / "my spool", tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [RUN, "my spool"], cwd=tmp_path, stdout=output, stderr=output, env=environment(), start_new_session=True
        )
    try:
        wait_until(lambda: "ready after" in log.read_text() or process.poll() is not None, 120)
        assert f"Drop scans into   {spool}/inbox" in log.read_text(), log.read_text()
        (spool / "inbox/scan.png").write_bytes(pages_drawn.png("First scan"))
        result = spool / "outbox/scan.png.json"
        wait_until(result.exists, 60)
        assert pages_drawn.says(json.loads(result.read_bytes()), "First scan")
    finally:
        os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) == 0
    assert list((spool / "done").iterdir()) == [spool / "done/scan.png"]
