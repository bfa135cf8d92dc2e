"""`systemctl reload`: what can change at run time does; a faulty configuration changes nothing."""

from __future__ import annotations

import time
from pathlib import Path

from support.drawn_pages import page, png, says
from support.lab_machine import SERVICE, Machine, record
from support.sample_files import tiff
from support.waiting import wait_until

_SECOND = Path("/var/spool/ocrspool/second")


def test_a_new_inbox_takes_effect(machine: Machine) -> None:
    """An inbox added to the configuration is watched after a reload; the service is the same one, and active."""
    machine.start()
    pid = machine.pid
    machine.configure(f'[inbox.second]\nroot = "{_SECOND}"\n')
    machine.reload()
    machine.drop("new.png", png("In the second inbox"), _SECOND)
    assert says(machine.wait_for(["new.png"], _SECOND)["new.png"], "In the second inbox")
    machine.drop("old.png", png("In the first inbox"))
    machine.wait_for(["old.png"])
    assert (machine.pid, machine.show("ActiveState"), machine.show("NRestarts")) == (pid, "active", "0")


def test_a_faulty_configuration_changes_nothing(machine: Machine) -> None:
    """A reload with a wrong file fails and says what is wrong, and the service goes on with what it had."""
    machine.start()
    pid, before = machine.pid, time.time()
    machine.configure('[inbox.default]\nsettle_seconds = "soon"\n')
    refused = machine.systemctl("reload", SERVICE, check=False)
    said = machine.journal(before)
    record("reload.txt", refused.stdout + said)
    assert refused.returncode != 0
    assert "inbox.default.settle_seconds" in said
    machine.drop("on.png", png("It goes on"))
    machine.wait_for(["on.png"])
    assert (machine.pid, machine.show("ActiveState")) == (pid, "active")
    assert machine.show("StatusText").startswith("ready · ")


def test_a_refusal_by_the_service_is_in_its_status(machine: Machine) -> None:
    """Who sends the signal without the check finds the refusal in the status, until a reload succeeds."""
    machine.start()
    machine.configure('[inbox.default]\nsettle_seconds = "soon"\n')
    machine.systemctl("kill", "--signal=HUP", "--kill-whom=main", SERVICE)
    wait_until(lambda: "reload refused: " in machine.show("StatusText"), 60)
    record("reload-refused.txt", machine.show("StatusText"))
    assert "inbox.default.settle_seconds" in machine.show("StatusText")
    machine.configure("")
    machine.reload()
    wait_until(lambda: "reload refused" not in machine.show("StatusText"), 60)


def test_another_engine_is_said_to_need_a_restart(machine: Machine) -> None:
    """What a reload cannot change is named, old and new; the rest of the file takes effect."""
    machine.configure('[engine]\non_missing = "build"\n')
    machine.start()
    before = time.time()
    machine.configure(f'[engine]\nprecision = "f32"\n[inbox.second]\nroot = "{_SECOND}"\n')
    machine.reload()
    said = machine.journal(before)
    assert "engine.precision: auto → f32 takes effect at the next start" in said
    assert "engine.on_missing: build → fail takes effect at the next start" in said
    assert f"inbox second: drop files into {_SECOND}/inbox" in said


def test_files_in_work_are_not_disturbed(machine: Machine) -> None:
    """Reloading again and again while files are in work loses none and reads none twice."""
    machine.start()
    pid, before = machine.pid, time.time()
    data = tiff(*(page(f"Page {number}") for number in range(6)))
    names = [f"{number}.tiff" for number in range(12)]
    for name in names:
        machine.drop(name, data)
    for megabytes in (300, 400, 500):
        machine.configure(f"[limits]\nfile_mb = {megabytes}\n[inbox.default]\nexclude = ['*.x{megabytes}']\n")
        machine.reload()
    machine.wait_for(names)
    said = machine.journal(before)
    assert said.count(" claimed ") == len(names)
    assert "attempt" not in said
    assert machine.pid == pid
