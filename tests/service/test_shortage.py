"""While memory or a disk is short nothing is claimed, the status says why, and it ends by itself."""

from __future__ import annotations

import json
import signal

import pytest

import pages_drawn
from daemons import NewDaemon
from waiting import wait_until

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    ("setting", "lack"),
    [("free_memory_mb", "MiB free of memory"), ("free_disk_mb", "MiB free on the disk of ")],
)
def test_nothing_is_claimed_until_there_is_room(new_daemon: NewDaemon, setting: str, lack: str) -> None:
    """More is wanted free than any machine has; with a limit that it meets, files come out that waited."""
    daemon = new_daemon(more=f"[limits]\n{setting} = {1 << 30}\n")
    daemon.start()
    daemon.drop("waits.png", pages_drawn.png("Patience"))
    status = daemon.folder / "run/status.json"
    wait_until(lambda: lack in json.loads(status.read_bytes())["lack"])
    assert any("claims nothing: less than" in line and lack in line for line in daemon.notify.messages())
    assert daemon.files("inbox") == ["waits.png"]
    daemon.configure(f"[limits]\n{setting} = 0\n")
    daemon.send(signal.SIGHUP)
    assert pages_drawn.says(daemon.result("waits.png"), "Patience")
    assert daemon.log().count("nothing is claimed until there is") == 1
    assert daemon.log().count("there is room again") == 1
