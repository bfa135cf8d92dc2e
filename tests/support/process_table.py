"""What /proc tells of processes: whose children there are, which of them live."""

from __future__ import annotations

import os
import signal
from pathlib import Path

_PROC = Path("/proc")
_EXITING = 0x4
"""PF_EXITING of the flags in /proc/PID/stat (include/linux/sched.h)."""


def children_of(pid: int) -> list[int]:
    """The living children of a process, oldest first; a zombie does not live."""
    found = []
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (state := _stat(int(entry.name))) is not None:
            letter, parent = state
            if parent == pid and letter not in "ZX":
                found.append(int(entry.name))
    return sorted(found)


def lives(pid: int) -> bool:
    """Whether this process runs (a zombie does not)."""
    state = _stat(pid)
    return state is not None and state[0] not in "ZX"


def is_stopped(pid: int) -> bool:
    """Whether SIGSTOP holds this process."""
    state = _stat(pid)
    return state is not None and state[0] == "T"


def is_ending(pid: int) -> bool:
    """Whether this process cannot run any more: it was killed, and the kernel holds it before or at its end.

    The kernel does so while a server does not answer what the process asked, and what the closing of its files asks.
    """
    try:
        fields = (_PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return False
    return bool(_mask(pid, "SigPnd") & _bit(signal.SIGKILL) or int(fields[6]) & _EXITING)


def ignores(pid: int, signum: int) -> bool:
    """Whether this process ignores a signal."""
    return bool(_mask(pid, "SigIgn") & _bit(signum))


def _mask(pid: int, name: str) -> int:
    """The set of signals of this name in /proc/PID/status; none of a process that has ended."""
    try:
        status = (_PROC / str(pid) / "status").read_text("utf-8")
    except OSError:
        return 0
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(f"{name}:")), 16)


def _bit(signum: int) -> int:
    return 1 << signum - 1


def is_module(pid: int, module: str) -> bool:
    """Whether this process was started with `python -m module`."""
    try:
        arguments = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(module) in arguments


def holds(pid: int, text: str) -> bool:
    """Whether this process has a file open whose path holds `text`; "memfd:page" is a page image."""
    links = _PROC / str(pid) / "fd"
    try:
        return any(text in os.fspath(link.readlink()) for link in links.iterdir())
    except OSError:  # closed, or ended, while we looked
        return False


def _stat(pid: int) -> tuple[str, int] | None:
    try:
        fields = (_PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1])
