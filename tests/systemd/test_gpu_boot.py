"""The drop-in for NVIDIA GPUs, with stand-in device nodes that come late, as they do at boot."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.lab_machine import PREBUILD, SERVICE, Machine, record
from support.waiting import wait_until

_NODES = (Path("/dev/nvidiactl"), Path("/dev/nvidia-uvm"))
_LIKE_NULL = os.makedev(1, 3)


@pytest.fixture
def with_drop_in(machine: Machine) -> Iterator[Machine]:
    """Both units changed as nvidia.conf says, on a machine without any such device."""
    if any(node.exists() for node in _NODES):
        pytest.skip("this machine has NVIDIA devices")
    text = (machine.checkout / "systemd/nvidia.conf").read_text("utf-8")
    for unit in (SERVICE, PREBUILD):
        machine.drop_in(unit, text, "nvidia.conf")
    yield machine
    for node in _NODES:
        node.unlink(missing_ok=True)


def test_the_start_waits_for_the_device_nodes(with_drop_in: Machine) -> None:
    """Without the nodes the start goes on waiting, before any engine is built; when they come, it goes on by itself."""
    machine, before = with_drop_in, time.time()
    machine.systemctl("start", "--no-block", SERVICE)
    wait_until(lambda: _waits_for_nodes(machine), 60)
    os.mknod(_NODES[0], stat.S_IFCHR | 0o666, _LIKE_NULL)
    wait_until(lambda: _waits_for_nodes(machine), 60)
    assert machine.show("ActiveState") == "inactive"
    assert machine.show("ActiveState", PREBUILD) == "activating"
    assert "engine " not in machine.journal(before, "_COMM=ocrspool").replace("engine:", "")
    os.mknod(_NODES[1], stat.S_IFCHR | 0o666, _LIKE_NULL)
    wait_until(lambda: machine.show("ActiveState") == "active", 120)
    record("gpu-boot.txt", machine.journal(before))


def test_a_long_build_keeps_its_time(with_drop_in: Machine) -> None:
    """The drop-in does not shorten the prebuild's two hours, nor lengthen the service's minute."""
    assert with_drop_in.show("TimeoutStartUSec", PREBUILD) == "2h"
    assert with_drop_in.show("TimeoutStartUSec") == "1min"


def _waits_for_nodes(machine: Machine) -> bool:
    control = machine.show("ControlPID", PREBUILD)
    if control == "0":
        return False
    try:
        return b"nvidiactl" in Path("/proc", control, "cmdline").read_bytes()
    except OSError:
        return False
