"""What a process can give up for ever: files, network, other processes (landlock(7)), system calls (seccomp(2)).

This is our own code, because there is little of it: a Landlock ruleset without ports and with one or two rules, and a
filter that is a list of numbers (seccomp.py). The packages for either offer rules that we do not use, or need a library
of the system.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence

from ocrspool.processes.seccomp import ARCHITECTURES, program

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""System calls; the same numbers on every architecture."""
_ASK_VERSION = 1
_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_NET = 0b11
"""To bind and to connect a TCP socket."""
_SCOPED = 0b11
"""Abstract Unix sockets, and signals, of processes that are not confined alike."""
_FILES = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF}
"""Everything that can be done with files, by Landlock's version."""
_ALL_FILES = 0xFFFF
"""From version 5 on."""
_NET_SINCE, _SCOPED_SINCE = 4, 6

_PR_GET_SECCOMP, _PR_SET_SECCOMP, _MODE_FILTER = 21, 22, 2


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def landlock_version() -> int:
    """Return the version of Landlock that this kernel has; 0 where there is none, or none that may be used."""
    version: int = _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)
    return max(0, version)


def can_filter() -> bool:
    """Tell whether system calls can be filtered: where the kernel does that, and their numbers are known here."""
    known = os.uname().machine in ARCHITECTURES and ctypes.sizeof(ctypes.c_void_p) == 8  # noqa: PLR2004 - bytes
    zero = ctypes.c_ulong(0)
    return known and _libc().prctl(_PR_GET_SECCOMP, zero, zero, zero, zero) >= 0


def missing_protections() -> list[str]:
    """Return what the sandbox of a decoder lacks on this machine, in words; nothing where it is whole."""
    version = landlock_version()
    missing = []
    if not version:
        missing.append("the kernel has no Landlock: files are kept from it by permissions alone")
    elif version < _SCOPED_SINCE:
        missing.append(f"the kernel's Landlock (version {version} of {_SCOPED_SINCE}) does not cover signals")
    if not can_filter():
        missing.append("system calls are not filtered: the kernel has no seccomp, or the processor is not known")
    return missing


def confine(readable: Sequence[str]) -> list[str]:
    """Give up everything but open descriptors and the files below these folders; for good, in this thread.

    The process has to have no other threads, no need to import anything any more, and no new privileges to hope for
    (PR_SET_NO_NEW_PRIVS). Return what this machine cannot do of it, as `missing_protections` does. Raise OSError.
    """
    missing = missing_protections()
    version = landlock_version()
    if version:
        _restrict(version, readable)
    if can_filter():
        # Where Landlock does not say which files are open to it, none is.
        _filter(may_open=bool(version and readable))
    return missing


def confine_files(readable: Sequence[str]) -> None:
    """Give up all files but open descriptors and, for reading, those below these folders; for good, in this thread.

    The network stays. Without Landlock nothing is given up. Raise OSError.
    """
    if version := landlock_version():
        _restrict(version, readable, net=0)


def _restrict(version: int, readable: Sequence[str], net: int = _NET) -> None:
    wanted = _Ruleset(
        _FILES.get(version, _ALL_FILES),
        net if version >= _NET_SINCE else 0,
        _SCOPED if version >= _SCOPED_SINCE else 0,
    )
    libc = _libc()
    ruleset = _done(libc.syscall(_CREATE_RULESET, ctypes.byref(wanted), ctypes.sizeof(wanted), 0), "a ruleset")
    try:
        for folder in readable:
            _allow_reading(ruleset, folder)
        _done(libc.syscall(_RESTRICT_SELF, ruleset, 0), "restricting itself")
    finally:
        os.close(ruleset)


def _allow_reading(ruleset: int, folder: str) -> None:
    try:
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:  # not there, or not for this user: then there is nothing to allow
        return
    try:
        rule = _PathBeneath(_READ_FILE | _READ_DIR, descriptor)
        _done(_libc().syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0), f"a rule for {folder}")
    finally:
        os.close(descriptor)


def _filter(*, may_open: bool) -> None:
    _install(program(ARCHITECTURES[os.uname().machine], os.getpid(), may_open=may_open))


def _install(code: bytes) -> None:
    """Have the kernel run this filter at each system call of this thread from now on."""
    filtered = _Program(len(code) // 8, code)
    zero = ctypes.c_ulong(0)
    _done(_libc().prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_MODE_FILTER), ctypes.byref(filtered), zero, zero), "a filter")


def _done(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
