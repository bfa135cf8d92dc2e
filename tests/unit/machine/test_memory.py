"""What memory is left, and what a shortage of anything says. Files of the kernel are made here, in its own form."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ocrspool.intake.headroom import FreeSpaceGuard
from ocrspool.machine import memory

MIB = 1 << 20


class Kernel:
    """A /proc and a tree of control groups; the process is in `system.slice/ocrspool.service`."""

    def __init__(self, folder: Path) -> None:
        self.proc, self.cgroups = folder / "proc", folder / "cgroup"
        self.unit = self.cgroups / "system.slice/ocrspool.service"
        self.unit.mkdir(parents=True)
        (self.proc / "self").mkdir(parents=True)
        (self.proc / "self/cgroup").write_text("9:name=systemd:/x\n0::/system.slice/ocrspool.service\n", "ascii")
        (self.proc / "meminfo").write_text(f"MemTotal: 1 kB\nMemAvailable: {1000 * 1024} kB\n", "ascii")

    def limit(self, group: Path, name: str, limit: str, current: int, stat: str = "") -> None:
        (group / name).write_text(f"{limit}\n", "ascii")
        (group / "memory.current").write_text(f"{current}\n", "ascii")
        (group / "memory.stat").write_text(stat, "ascii")

    def available_mb(self) -> float:
        return memory.available_bytes(self.proc, self.cgroups) / MIB


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


def test_of_the_machine(kernel: Kernel) -> None:
    """MemAvailable, where no control group is narrower: none is limited, or it is wider."""
    assert kernel.available_mb() == 1000
    kernel.limit(kernel.unit, "memory.max", "max", 50 * MIB)
    assert kernel.available_mb() == 1000
    kernel.limit(kernel.unit, "memory.max", str(4000 * MIB), 50 * MIB)
    assert kernel.available_mb() == 1000


@pytest.mark.parametrize("name", ["memory.max", "memory.high"])
def test_of_a_control_group(kernel: Kernel, name: str) -> None:
    """Up to the limit of any group above, where caches that the kernel drops do not count as used."""
    kernel.limit(kernel.unit, name, str(500 * MIB), 450 * MIB)
    assert kernel.available_mb() == 50
    stat = f"anon {100 * MIB}\ninactive_file {200 * MIB}\nactive_file {100 * MIB}\nslab_reclaimable {10 * MIB}\n"
    kernel.limit(kernel.unit, name, str(500 * MIB), 450 * MIB, stat)
    assert kernel.available_mb() == 360
    kernel.limit(kernel.unit.parent, name, str(600 * MIB), 580 * MIB)
    assert kernel.available_mb() == 20
    kernel.limit(kernel.cgroups, name, str(600 * MIB), 590 * MIB)  # the topmost one, as in a container
    assert kernel.available_mb() == 10


def test_nothing_is_told(tmp_path: Path) -> None:
    """Without /proc there is no limit that we know of; on this machine there is some memory left."""
    assert memory.available_bytes(tmp_path, tmp_path) == sys.maxsize
    assert 0 < memory.available_bytes() < sys.maxsize


def test_short_and_again_not(caplog: pytest.LogCaptureFixture) -> None:
    """Each change is said once; a quarter more than the limit ends it."""
    caplog.set_level("INFO")
    free = [200 * MIB, 100 * MIB - 1, 0, 124 * MIB, 125 * MIB, 100 * MIB]
    room = FreeSpaceGuard("of memory", lambda: free.pop(0))
    assert [room.enough(100) for _ in range(len(free))] == [True, False, False, False, True, True]
    assert [record.getMessage() for record in caplog.records] == [
        "less than 100 MiB free of memory: nothing is claimed until there is",
        "there is room again of memory",
    ]


def test_what_cannot_be_measured_is_short(tmp_path: Path) -> None:
    """A disk that is not there has no room, and the reason is kept for the status."""
    room = FreeSpaceGuard("on the disk of /x", lambda: (tmp_path / "none").stat().st_size)
    assert not room.enough(0)
    assert room.shortage_reason == "no telling how much is free on the disk of /x: No such file or directory"


def test_what_was_enough_is_believed_for_a_while() -> None:
    """It is measured once; not where more is asked for, nor where it was short."""
    free = [200 * MIB, 100 * MIB, 200 * MIB]
    room = FreeSpaceGuard("of memory", lambda: free.pop(0), 3600.0)
    assert [room.enough(least) for least in (100, 100, 50, 150, 150, 150)] == [True, True, True, False, True, True]
    assert free == []
