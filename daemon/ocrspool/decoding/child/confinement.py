"""Confine a decoder process: limit its memory, time and descriptors, and take away the rest of the machine."""

from __future__ import annotations

import os
import resource
import time

from ocrspool.processes import lifetime, sandbox
from ocrspool.processes.font_folders import FONT_FOLDERS

_MOST_DESCRIPTORS = 64


def confine(memory_mb: int) -> list[str]:
    """Limit this process for good, before it has seen a byte of any document.

    Return what this machine cannot take away from it, in words (see `sandbox.confine`).
    """
    lifetime.die_with_parent()
    os.umask(0o077)
    _lower(resource.RLIMIT_AS, memory_mb << 20)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, _MOST_DESCRIPTORS)
    _lower(resource.RLIMIT_FSIZE, memory_mb << 20)  # of a memory file, which counts for no other limit
    _lower(resource.RLIMIT_NPROC, 0)  # not for root; for everybody, the filter of system calls forbids it
    return sandbox.confine(FONT_FOLDERS)


def grant_cpu(seconds: int) -> None:
    """Let the coming request use this much processor time; SIGXCPU ends the process where it takes more.

    RLIMIT_CPU counts the whole life of a process that decodes many documents, so the soft limit is moved
    forward with each request. The parent's wall-clock limit acts first as a rule: this one still holds
    when the parent is stopped or stuck.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(time.process_time()) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (_within(soft, hard), hard))


def _lower(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    limit = _within(value, hard)
    resource.setrlimit(which, (limit, limit))


def _within(value: int, hard: int) -> int:
    return value if hard == resource.RLIM_INFINITY else min(value, hard)
