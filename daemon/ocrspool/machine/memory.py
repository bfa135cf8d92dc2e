"""How much memory this process and its children may still take: memory of the machine, and of their unit."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
_RECLAIMED = ("inactive_file", "active_file", "slab_reclaimable")
"""What the kernel gives up before it refuses anything: it counts, and is in nobody's way."""


def available_bytes(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int:
    """Return what is left where there is least: MemAvailable (proc(5)), or up to the limit of a control group.

    Control groups are those of version 2, from ours to the topmost; sys.maxsize where nothing is told.
    """
    return min([_of_machine(proc / "meminfo"), *(_of_group(group) for group in _groups(proc, cgroups))])


def _of_machine(meminfo: Path) -> int:
    try:
        for line in meminfo.read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    except (OSError, ValueError, IndexError):
        pass
    return sys.maxsize


def _groups(proc: Path, cgroups: Path) -> Iterator[Path]:
    try:
        lines = (proc / "self" / "cgroup").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return
    own = next((line[3:] for line in lines if line.startswith("0::/")), None)
    if own is not None:
        group = cgroups / own.strip("/")
        yield from (above for above in (group, *group.parents) if above.is_relative_to(cgroups))


def _of_group(group: Path) -> int:
    """Return what a group may still take; all there is where it has no limit, or cannot be read."""
    limits = [_number(group / name) for name in ("memory.max", "memory.high")]  # past the second it only crawls
    used = _number(group / "memory.current")
    if used is None or limits == [None, None]:
        return sys.maxsize
    return min(limit for limit in limits if limit is not None) - used + _reclaimable(group / "memory.stat")


def _reclaimable(stat: Path) -> int:
    try:
        pairs = [line.split() for line in stat.read_text("ascii").splitlines()]
        return sum(int(value) for name, value in pairs if name in _RECLAIMED)
    except (OSError, ValueError):
        return 0


def _number(file: Path) -> int | None:
    """Return the number in a file, None where there is none ("max")."""
    try:
        return int(file.read_text("ascii"))
    except (OSError, ValueError):
        return None
