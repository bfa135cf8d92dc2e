"""What hangs or dies is replaced, and every file is read exactly once."""

from __future__ import annotations

import os
import re
import signal
import time

from support.drawn_pages import page, png
from support.lab_machine import SERVICE, Machine, record
from support.sample_files import tiff
from support.waiting import wait_until


def _busy(machine: Machine, count: int, pages: int = 6) -> list[str]:
    """Drop documents and wait until some of them are in work; their names."""
    data = tiff(*(page(f"Page {number} of the lot") for number in range(pages)))
    names = [f"{number:02}.tiff" for number in range(count)]
    for name in names:
        machine.drop(name, data)
    wait_until(machine.in_work, 60)
    return names


def test_a_hung_service_is_killed_and_comes_back_with_nothing_lost(machine: Machine) -> None:
    """SIGSTOP: systemd's watchdog ends the service and starts it again, which reads every file exactly once."""
    machine.drop_in(SERVICE, "[Service]\nWatchdogSec=8\nRestartSec=1\n")
    machine.start()
    names = _busy(machine, 6)
    pid, before = machine.pid, time.time()
    os.kill(pid, signal.SIGSTOP)
    machine.drop("late.png", png("Dropped while it hung"))
    wait_until(lambda: machine.show("NRestarts") == "1" and machine.show("ActiveState") == "active", 120)
    assert machine.pid != pid
    machine.wait_for([*names, "late.png"])
    said = machine.journal(before)
    assert "Watchdog timeout (limit 8s)" in said
    assert machine.show("NRestarts") == "1"
    record(
        "watchdog.txt",
        "\n".join(line for line in said.splitlines() if " claimed " not in line and " done " not in line),
    )


def test_a_killed_service_is_started_again(machine: Machine) -> None:
    """SIGKILL on the service itself: its children end with it, and the next one reads every file exactly once."""
    machine.drop_in(SERVICE, "[Service]\nRestartSec=1\n")
    machine.start()
    names = _busy(machine, 6)
    children = machine.children("ocrspool.recognition.child") + machine.children("ocrspool.decoding.child")
    os.kill(machine.pid, signal.SIGKILL)
    wait_until(lambda: machine.show("NRestarts") == "1" and machine.show("ActiveState") == "active", 120)
    assert not set(children) & set(
        machine.children("ocrspool.recognition.child") + machine.children("ocrspool.decoding.child")
    )
    machine.wait_for(names)


def test_a_killed_worker_is_replaced(serving: Machine) -> None:
    """SIGKILL on the worker at work: the same service goes on with another one, and every file is read."""
    pid = serving.pid
    names = _busy(serving, 6)
    (worker,) = serving.children("ocrspool.recognition.child")
    os.kill(worker, signal.SIGKILL)
    serving.wait_for(names)
    assert serving.children("ocrspool.recognition.child") != [worker]
    assert (serving.pid, serving.show("NRestarts")) == (pid, "0")


def test_a_killed_decoder_is_replaced(serving: Machine) -> None:
    """SIGKILL on a decoder: the same service goes on with another one, and every file is read."""
    pid = serving.pid
    names = _busy(serving, 6)
    decoder = serving.children("ocrspool.decoding.child")[0]
    os.kill(decoder, signal.SIGKILL)
    serving.wait_for(names)
    assert decoder not in serving.children("ocrspool.decoding.child")
    assert (serving.pid, serving.show("NRestarts")) == (pid, "0")


def test_a_hung_worker_is_replaced(serving: Machine) -> None:
    """SIGSTOP on an idle worker: the service notices, replaces it, and is itself not restarted."""
    pid, before = serving.pid, time.time()
    (worker,) = serving.children("ocrspool.recognition.child")
    os.kill(worker, signal.SIGSTOP)
    wait_until(lambda: worker not in serving.children("ocrspool.recognition.child"), 60)
    serving.drop("after.png", png("Read by another one"))
    serving.wait_for(["after.png"])
    assert re.search(r"worker 1 gave no answer for 10 s", serving.journal(before))
    assert (serving.pid, serving.show("NRestarts")) == (pid, "0")
