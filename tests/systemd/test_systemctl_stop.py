"""`systemctl stop` under load: what is in work is finished, or waits for the next start; nothing is partial."""

from __future__ import annotations

import os
import signal
import time

from support.drawn_pages import page
from support.lab_machine import SERVICE, Machine, record
from support.sample_files import tiff
from support.waiting import wait_until


def _load(machine: Machine, count: int, pages: int) -> tuple[list[str], int]:
    """Drop documents while the worker stands still: none of them can be read before the stop. Names, and its pid."""
    (worker,) = machine.children("ocrspool.recognition.child")
    os.kill(worker, signal.SIGSTOP)
    data = tiff(*(page(f"Page {number} of many", "with a second line", "and a third") for number in range(pages)))
    names = [f"{number:02}.tiff" for number in range(count)]
    for name in names:
        machine.drop(name, data)
    wait_until(lambda: len(machine.in_work()) > 1, 60)
    return names, worker


def test_stop_drains(serving: Machine) -> None:
    """A stop finishes the files in work, within its time, and leaves the others in the inbox for the next start."""
    names, worker = _load(serving, 40, 2)
    before = time.time()
    os.kill(worker, signal.SIGCONT)
    serving.stop()
    assert serving.show("Result") == "success"
    assert serving.show("ExecMainStatus") == "0"
    assert not serving.in_work()
    finished, waiting = set(serving.results()), set(serving.names("inbox"))
    assert finished
    assert waiting, "all files were read before the stop: it shows nothing"
    assert sorted(finished | waiting) == names
    assert "stopping: " in serving.journal(before)
    assert serving.show("StatusText") == "stopped"
    serving.start()
    serving.wait_for(names)


def test_what_a_short_stop_leaves_is_finished_by_the_next_start(machine: Machine) -> None:
    """With too little time to drain, jobs stay in work/, whole; the next start reads each of them once."""
    machine.configure("[service]\nstop_seconds = 1\n")
    machine.start()
    names, _ = _load(machine, 8, 3)
    before = time.time()
    machine.stop()
    assert machine.show("Result") == "success"
    assert machine.show("ExecMainStatus") == "0"
    left = len(machine.in_work())
    assert left
    assert set(machine.results()) == set(machine.names("done"))
    assert f"{left} files wait in work/ for the next start" in machine.journal(before)
    assert machine.show("StatusText") == f"stopped; {left} files wait in work/ for the next start"
    record("short-stop.txt", machine.journal(before))
    machine.configure("")
    machine.start()
    machine.wait_for(names, seconds=240)
    assert f"{left} files left in work/" in machine.journal(before)


def test_a_failed_restart_is_seen_in_the_status(machine: Machine) -> None:
    """A restart with a typo stops what worked; the status says so, and not that it is ready."""
    machine.start()
    machine.configure('[inbox.default]\nsettle_seconds = "soon"\n')
    assert machine.systemctl("restart", SERVICE, check=False).returncode != 0
    assert machine.show("StatusText") == "stopped"
    machine.no_prebuild()
    assert machine.systemctl("start", SERVICE, check=False).returncode != 0
    record("failed-start.txt", machine.show("StatusText"))
    assert machine.show("StatusText").startswith("failed: ")
    assert "inbox.default.settle_seconds" in machine.show("StatusText")
    assert machine.show("ActiveState") == "failed"


def test_a_stop_during_the_start_is_obeyed(machine: Machine) -> None:
    """Whoever stops a service that is still loading does not wait for it to be ready first."""
    machine.no_prebuild()
    machine.systemctl("start", "--no-block", "ocrspool.service")
    wait_until(lambda: machine.show("StatusText"), 60)
    machine.stop()
    assert machine.show("ActiveState") == "inactive"
    assert machine.show("Result") == "success"
