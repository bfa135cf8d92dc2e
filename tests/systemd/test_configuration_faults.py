"""A wrong configuration: the start fails, the journal says where it is wrong, and nothing is tried again."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from support.lab_machine import PREBUILD, SERVICE, Machine, record
from support.waiting import wait_until

_WRONG = '[service]\nworkers = "many"\n[inbox.default]\nsettel_seconds = 1\n'


def test_a_wrong_configuration_fails_the_start(machine: Machine) -> None:
    """`systemctl start` fails; the journal names the file and every wrong key; status 78; no loop."""
    machine.configure(_WRONG)
    before = time.time()
    assert machine.systemctl("start", SERVICE, check=False).returncode != 0
    said = machine.journal(before)
    record("wrong-configuration.txt", said)
    assert "50-test.toml" in said
    assert "service.workers" in said
    assert "settel_seconds" in said
    assert "status=78/CONFIG" in said
    assert said.count("Starting ocrspool-prebuild.service") == 1
    assert machine.show("ActiveState", PREBUILD) == "failed"
    assert machine.show("ActiveState") == "inactive"
    assert machine.show("NRestarts") == "0"


@pytest.mark.parametrize(
    ("more", "arguments", "status"),
    [(_WRONG, "--config /etc/ocrspool/ocrspool.toml", "78"), ("", "--no-such-option", "64")],
    ids=["configuration", "usage"],
)
def test_the_service_itself_is_not_restarted_in_vain(machine: Machine, more: str, arguments: str, status: str) -> None:
    """Without the prebuild's check, `serve` itself ends with a status after which systemd does not try again."""
    machine.no_prebuild()
    machine.configure(more)
    start = f"/opt/ocrspool/bin/ocrspool serve {arguments}"
    machine.drop_in(SERVICE, f"[Service]\nExecStart=\nExecStart={start}\n")
    assert machine.systemctl("start", SERVICE, check=False).returncode != 0
    assert machine.show("ExecMainStatus") == status
    assert machine.show("SubState") == "failed", "auto-restart is what it must not be"
    assert machine.show("NRestarts") == "0"


def test_a_folder_outside_of_the_sandbox(machine: Machine) -> None:
    """An inbox elsewhere without the drop-ins: the others serve, the journal names them; with them it serves too."""
    root = Path("/srv/scans")
    root.mkdir(parents=True)
    shutil.chown(root, "ocrspool", "ocrspool")
    machine.configure(f'[inbox.scans]\nroot = "{root}"\n')
    before = time.time()
    machine.start()
    said = machine.journal(before)
    record("sandbox-read-only.txt", said)
    assert not (root / "inbox").exists()
    assert "it is read-only in the sandbox of ocrspool.service and ocrspool-prebuild.service" in said
    assert f"ReadWritePaths={root} by `systemctl edit ocrspool` and `systemctl edit ocrspool-prebuild`" in said
    for unit in (SERVICE, PREBUILD):
        machine.drop_in(unit, f"[Service]\nReadWritePaths={root}\n")
    machine.systemctl("restart", SERVICE)
    wait_until((root / "inbox").is_dir)
    machine.reset()
    shutil.rmtree(root)


def test_after_the_repair_the_next_start_works(machine: Machine) -> None:
    """Nothing has to be reset after a wrong configuration: mend it, start."""
    machine.configure(_WRONG)
    assert machine.systemctl("start", SERVICE, check=False).returncode != 0
    machine.configure("[service]\nworkers = 1\n")
    machine.start()
    assert machine.show("ActiveState") == "active"
