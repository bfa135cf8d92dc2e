"""How the service ends when it is told to, and what waits for its next start."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from support import drawn_pages, sample_files
from support.daemon_process import Daemon, NewDaemon
from support.process_table import holds, lives
from support.waiting import wait_until

pytestmark = pytest.mark.engine


def long_document(pages: int) -> bytes:
    """A document that takes seconds to read."""
    return sample_files.pdf(pages, width=800, height=800)


def start_on(daemon: Daemon, name: str, pages: int) -> None:
    """Start the service and wait until it is in the midst of a long document."""
    daemon.start()
    daemon.drop(name, long_document(pages))
    (worker,) = daemon.workers()
    wait_until(lambda: holds(worker, "memfd:page"), 60)


def test_drains(new_daemon: NewDaemon) -> None:
    """SIGTERM lets what is in work be delivered, claims nothing new, and ends with 0, all children gone."""
    daemon = new_daemon(more="[service]\nbatch_pages = 1\n")  # so only three files are in work at one time
    start_on(daemon, "long.pdf", 10)
    names = [f"{number}.png" for number in range(30)]
    for name in names:
        daemon.drop(name, drawn_pages.png(f"Short {name}"))
    wait_until(lambda: len(daemon.in_work()) > 1, 60)
    children = daemon.children()
    daemon.send(signal.SIGTERM)
    wait_until(lambda: daemon.said("STOPPING=1"), 30)
    assert daemon.wait() == 0
    assert not any(lives(pid) for pid in children)
    assert len(json.loads(daemon.result_path("long.pdf").read_bytes())["pages"]) == 10
    assert daemon.in_work() == []
    waiting, done = set(daemon.files("inbox")), set(daemon.files("done"))
    assert waiting | done == {*names, "long.pdf"}
    assert waiting
    daemon.start()
    daemon.idle()
    assert set(daemon.files("done")) == {*names, "long.pdf"}
    assert daemon.files("failed") == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_second_signal(new_daemon: NewDaemon, number: signal.Signals) -> None:
    """A second signal ends it at once; the job stays in work/ without an attempt, and the next start finishes it."""
    daemon = new_daemon()
    start_on(daemon, "long.pdf", 20)
    daemon.send(number)
    wait_until(lambda: daemon.said("STOPPING=1"), 30)
    assert daemon.runs()
    daemon.send(number)
    assert daemon.wait(30) == 0
    interrupted_then_finished(daemon)


def test_stop_seconds(new_daemon: NewDaemon) -> None:
    """A drain lasts no longer than stop_seconds."""
    daemon = new_daemon(more="[service]\nstop_seconds = 0.5\n")
    start_on(daemon, "long.pdf", 20)
    assert daemon.stop(30) == 0
    interrupted_then_finished(daemon)


def interrupted_then_finished(daemon: Daemon) -> None:
    """Check that the document is whole in work/, has cost no attempt, and is read at the next start."""
    (job,) = daemon.in_work()
    assert json.loads((job / "job.json").read_bytes())["attempts"] == 0
    assert (job / "source/long.pdf").is_file()
    assert daemon.files("outbox") == []
    assert "1 file waits in work/" in daemon.log()
    assert "Traceback" not in daemon.log()
    daemon.start()
    result = daemon.result("long.pdf")
    assert result["run"]["attempts"] == 1
    assert result["run"]["job"] == job.name


def test_stop_of_a_hung_worker(new_daemon: NewDaemon) -> None:
    """A worker that does not answer holds a stop up no longer than stop_seconds, and is gone afterwards."""
    daemon = new_daemon(more="[service]\nstop_seconds = 1\n")
    daemon.start()
    (worker,) = daemon.workers()
    (decoder,) = daemon.decoders()
    for pid in (worker, decoder):
        daemon.send_to(pid, signal.SIGSTOP)
    daemon.drop("stuck.png", drawn_pages.png("Stuck"))
    wait_until(daemon.in_work, 30)
    assert daemon.stop(30) == 0
    assert not lives(worker)
    assert not lives(decoder)


def test_stop_while_starting(new_daemon: NewDaemon) -> None:
    """SIGTERM while the engine loads ends the service with 0 and without READY=1."""
    daemon = new_daemon()
    daemon.spawn()
    wait_until(lambda: daemon.said("STATUS=loading the openvino library"), 60)
    assert daemon.stop(30) == 0
    assert not daemon.said("READY=1")
    assert "Traceback" not in daemon.log()


def test_stop_while_building(new_daemon: NewDaemon, tmp_path: Path) -> None:
    """SIGTERM while the service builds its engine ends it with 0, soon, and with all that it has started."""
    daemon = new_daemon(cache=tmp_path / "empty", more="[engine]\non_missing = 'build'\n")
    daemon.spawn()
    wait_until(lambda: daemon.said("STATUS=building detection engine 1/3: PP-OCRv6_small_det"), 60)
    children = daemon.children()
    assert daemon.stop(30) == 0
    assert not any(lives(pid) for pid in children)
    assert not daemon.said("READY=1")
    assert "Bad file descriptor" not in daemon.log()
    assert "Traceback" not in daemon.log()


def test_stop_of_an_idle_service(new_daemon: NewDaemon) -> None:
    """An idle service ends at once, takes its status file along, and leaves the spool as it was."""
    daemon = new_daemon()
    daemon.start()
    status = daemon.folder / "run/status.json"
    wait_until(status.exists)
    children = daemon.children()
    assert daemon.stop(20) == 0
    assert not status.exists()
    assert not any(lives(pid) for pid in children)


def test_children_go_with_a_killed_service(new_daemon: NewDaemon) -> None:
    """No worker, decoder or launcher outlives a service that was killed, not even one that is stopped or at work."""
    daemon = new_daemon()
    start_on(daemon, "long.pdf", 40)
    children = daemon.children()
    assert len(children) == 3
    daemon.send_to(daemon.decoders()[0], signal.SIGSTOP)
    daemon.kill9()
    wait_until(lambda: not any(lives(pid) for pid in children), 15)
