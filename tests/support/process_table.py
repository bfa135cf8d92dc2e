"""What /proc tells of processes: whose children there are, which of them live."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")


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
