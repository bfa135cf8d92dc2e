"""Pages that kill their decoder: each costs itself, and not the document; a document of such pages costs a few."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
from typing import Any

import pytest

from support import sample_files
from support.daemon_process import Daemon, NewDaemon
from support.process_table import holds
from support.waiting import wait_until

pytestmark = pytest.mark.engine


@pytest.fixture
def daemon(new_daemon: NewDaemon) -> Daemon:
    """A service whose decoders have as little memory as they may: `sample_files.deadly_pdf` is made for it."""
    limits = "[limits]\ndecoder_memory_mb = 256\nmemory_mb = 64\n"
    made = new_daemon(inboxes="[inbox.default]\nroot = 'spool'\nsettle_seconds = 0.2\n", more=limits)
    made.start()
    return made


def deaths(daemon: Daemon, page: int) -> int:
    return len(re.findall(rf"the decoder was killed by SIGABRT at page {page}\b", daemon.log()))


def state_of(result: dict[str, Any]) -> dict[int, str]:
    return {page["number"]: page["error"]["kind"] if page["error"] else page["text"] for page in result["pages"]}


def test_deaths_at_pages(daemon: Daemon) -> None:
    """A page that kills is lost alone and says why; without any other the document fails; chance costs no page."""
    service, workers = daemon.pid, daemon.workers()
    daemon.drop("poison.pdf", sample_files.deadly_pdf(4, {2}))
    result = daemon.result("poison.pdf")
    assert result["status"] == "partial"
    assert state_of(result) == {1: "Hello spool", 2: "crash", 3: "Hello spool", 4: "Hello spool"}
    assert "died of this page 2 times" in result["pages"][1]["error"]["message"]
    assert result["run"]["attempts"] == 1
    assert deaths(daemon, 2) == 2
    daemon.drop("only.pdf", sample_files.deadly_pdf(1, {1}))
    reason = daemon.reason("only.pdf")
    assert (reason["kind"], reason["page"], reason["attempts"]) == ("crash", 1, 1)
    daemon.drop("long.pdf", sample_files.pdf(5, width=1000, height=1000))  # of which two fit into memory_mb
    wait_until(lambda: holds(daemon.pid, "memfd:page"), 60)
    (decoder,) = daemon.decoders()
    os.kill(decoder, signal.SIGKILL)
    result = daemon.result("long.pdf")
    assert (result["status"], len(result["pages"]), result["run"]["attempts"]) == ("ok", 5, 1)
    assert "was killed by SIGKILL at page" in daemon.log()
    assert (daemon.pid, daemon.workers()) == (service, workers)


def test_bounded_and_remembered(daemon: Daemon) -> None:
    """A document of such pages costs a few decoders; what is known of a page outlives a kill -9 of the service."""
    daemon.drop("all.pdf", sample_files.deadly_pdf(30, set(range(1, 31))))
    reason = daemon.reason("all.pdf")
    assert (reason["kind"], reason["stage"], reason["attempts"]) == ("crash", "decode", 1)
    assert reason["message"] == "decoders died of this file 12 times, at the pages 1, 2, 3, 4, 5, 6"
    before = deaths(daemon, 2)
    daemon.drop("poison.pdf", sample_files.deadly_pdf(20, {2}))

    def known() -> bool:
        for path in (daemon.spool / "work").glob("*/job.json"):
            with contextlib.suppress(FileNotFoundError):
                return bool(json.loads(path.read_bytes())["deaths"] == [2, 2])
        return False

    wait_until(known, 60)
    daemon.kill9()
    assert not daemon.result_path("poison.pdf").exists()
    daemon.start()
    result = daemon.result("poison.pdf")
    assert [number for number, state in state_of(result).items() if state != "Hello spool"] == [2]
    assert deaths(daemon, 2) == before + 2
