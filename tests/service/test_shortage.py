"""While memory or a disk is short nothing is claimed, the status says why, and it ends by itself. Grown workers go."""

from __future__ import annotations

import json
import signal

import pytest

from support import drawn_pages
from support.daemon_process import NewDaemon
from support.waiting import wait_until

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    ("setting", "lack"),
    [("free_memory_mb", "MiB free of memory"), ("free_disk_mb", "MiB free on the disk of ")],
)
def test_nothing_is_claimed_until_there_is_room(new_daemon: NewDaemon, setting: str, lack: str) -> None:
    """More is wanted free than any machine has; with a limit that it meets, files come out that waited."""
    daemon = new_daemon(more=f"[limits]\n{setting} = {1 << 30}\n")
    daemon.start()
    daemon.drop("waits.png", drawn_pages.png("Patience"))
    status = daemon.folder / "run/status.json"
    wait_until(lambda: lack in json.loads(status.read_bytes())["lack"])
    wait_until(lambda: any("claims nothing: less than" in line and lack in line for line in daemon.notify.messages()))
    assert daemon.files("inbox") == ["waits.png"]
    daemon.configure(f"[limits]\n{setting} = 0\n")
    daemon.send(signal.SIGHUP)
    assert drawn_pages.says(daemon.result("waits.png"), "Patience")
    assert daemon.log().count("nothing is claimed until there is") == 1
    assert daemon.log().count("there is room again") == 1


def test_replacing_workers_is_no_pause(new_daemon: NewDaemon) -> None:
    """Worker after worker is replaced while files come in: the service stays ready, and every file is read at once."""
    daemon = new_daemon(more="[service]\nworker_pages = 8\nbatch_pages = 2\n")
    daemon.start()
    number = 0
    while daemon.log().count("worker 1 was replaced after ") < 2:
        number += 1
        daemon.drop(f"{number}.png", drawn_pages.png(f"Number {number}"))
        assert drawn_pages.says(daemon.result(f"{number}.png"), f"Number {number}")
    assert "attempt" not in daemon.log()
    assert not any(line.startswith("STATUS=degraded") for line in daemon.notify.messages())
