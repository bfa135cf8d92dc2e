"""More files at once than the kernel has events for."""

from __future__ import annotations

import os
import signal

import pytest

from support import drawn_pages
from support.daemon_process import NewDaemon
from support.process_table import is_stopped
from support.waiting import wait_until

COUNT = int(os.environ.get("OCRSPOOL_BURST", "400"))
SECONDS_EACH = 0.5

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120 + COUNT * SECONDS_EACH)]


@pytest.mark.parametrize("renamed", [True, False], ids=["renamed in", "written in place"])
def test_every_file_of_a_burst_arrives_once(new_daemon: NewDaemon, renamed: bool) -> None:  # noqa: FBT001 - parametrized
    """Files dropped while the service cannot look (SIGSTOP) all come out, each exactly once."""
    daemon = new_daemon()
    daemon.start()
    daemon.send(signal.SIGSTOP)
    wait_until(lambda: is_stopped(daemon.pid))
    names = [f"folder-{number % 7}/{number:05}.pgm" for number in range(COUNT)]
    for number, name in enumerate(names):
        data = drawn_pages.tiny(number)
        if renamed:
            daemon.drop(name, data)
        else:
            path = daemon.spool / "inbox" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    daemon.send(signal.SIGCONT)
    daemon.idle(seconds=60 + COUNT * SECONDS_EACH)
    assert daemon.files("done") == sorted(names)
    assert daemon.files("outbox") == sorted(f"{name}.json" for name in names)
    assert daemon.files("failed") == []
    assert daemon.log().count(" INFO    done ") == COUNT
