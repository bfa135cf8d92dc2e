"""A control group for the processes of a service: what it limits, and what the kernel does where the limit is reached.

Version 2 where the kernel has its controllers there, else version 1: the kernel kills for memory alike.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_NUMBERS = itertools.count()
_OLD_NAMES = {"memory.max": "memory.limit_in_bytes"}


def _place(controller: str) -> Path | None:
    """Return where groups with this controller can be made; None where nowhere."""
    for root in (_ROOT, _ROOT / "unified"):
        with contextlib.suppress(OSError):
            if controller in (root / "cgroup.subtree_control").read_text("ascii").split():
                return root
    old = _ROOT / controller
    return old if (old / "cgroup.procs").exists() else None


def missing(controller: str) -> str:
    """Return why no group can be made; "" where one can."""
    if os.geteuid() != 0:
        return "needs root, to make a control group"
    place = _place(controller)
    return "" if place and os.access(place, os.W_OK) else f"needs the controller {controller} of control groups"


@contextlib.contextmanager
def group(controller: str) -> Iterator[Path]:
    """Make a group. At the end whoever is left in it goes back to the root, and it is removed."""
    place = _place(controller)
    assert place is not None
    made = place / f"ocrspool-torture-{os.getpid()}-{next(_NUMBERS)}"
    made.mkdir()
    try:
        yield made
    finally:
        for _ in range(100):
            for pid in (made / "cgroup.procs").read_text("ascii").split():
                with contextlib.suppress(OSError):  # it has ended
                    (place / "cgroup.procs").write_text(pid, "ascii")
            with contextlib.suppress(OSError):
                made.rmdir()
                break


def limit(made: Path, name: str, value: int | str) -> None:
    """Set a limit, by its name in version 2."""
    path = made / name
    (path if path.exists() else made / _OLD_NAMES[name]).write_text(f"{value}", "ascii")


def enter(made: Path, pid: int) -> None:
    """Move a process there, with all its threads."""
    (made / "cgroup.procs").write_text(f"{pid}", "ascii")
