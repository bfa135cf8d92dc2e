"""The first steps of each process: a child ties its life to the service's life, and the service limits its heaps."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1  # prctl(2)
_PR_SET_NO_NEW_PRIVS = 38
_M_ARENA_MAX = -8  # mallopt(3)


def die_with_parent(*, gains_nothing: bool = True) -> None:
    """End by SIGKILL when the parent does, ignore signals meant for it, never gain privileges if `gains_nothing`.

    A terminal and systemd may signal a whole group; only the service, which drains, decides when a child ends.
    "Parent" is the thread that started this process, so children are started from threads that last; a parent that
    died before this call is noticed by the closed channel.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((_PR_SET_PDEATHSIG, signal.SIGKILL), (_PR_SET_NO_NEW_PRIVS, int(gains_nothing))):
        if not value:
            continue  # this one can only be set
        if libc.prctl(option, *(ctypes.c_ulong(number) for number in (value, 0, 0, 0))) != 0:
            code = ctypes.get_errno()
            raise OSError(code, f"prctl({option}): {os.strerror(code)}")
    for wish in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wish, signal.SIG_IGN)


def limit_malloc_arenas() -> None:
    """Let all threads of this process, from now on, take memory from one heap.

    glibc gives threads heaps of their own, and each keeps what is freed in it: a service of many threads that lives for
    months grew by 170 bytes a file. Does nothing where the C library knows no such setting.
    """
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
