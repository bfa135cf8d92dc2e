"""What a process can give up for good: files, network and other processes (landlock(7)), system calls (seccomp(2)).

Own code, because there is little of it: a Landlock ruleset without ports and with a rule or two, and a filter that is
a list of numbers. The packages for either are about rules that we do not have, or need a library of the system.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Sequence

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
_AUDIT_ARCH_X86_64 = 0xC000003E
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
"""Where they lie in struct seccomp_data; of an argument the lower half is looked at, and is all that the kernel uses
of those that are."""
_KILL, _ALLOW, _REFUSE = 0x8000_0000, 0x7FFF_0000, 0x0005_0000 | errno.EPERM
_LOAD, _EQUAL, _AND, _RETURN = 0x20, 0x15, 0x54, 0x06
"""Instructions of the Berkeley Packet Filter: BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_ALU|AND|K, BPF_RET|K."""

_PLAIN = {
    "read": 0, "write": 1, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7, "lseek": 8, "munmap": 11,
    "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "pread64": 17, "pwrite64": 18,
    "readv": 19, "writev": 20, "access": 21, "select": 23, "sched_yield": 24, "mremap": 25, "madvise": 28,
    "dup": 32, "nanosleep": 35, "getpid": 39, "sendto": 44, "recvfrom": 45, "sendmsg": 46, "recvmsg": 47,
    "exit": 60, "fcntl": 72, "ftruncate": 77, "gettimeofday": 96, "getrlimit": 97, "getrusage": 98, "sysinfo": 99,
    "times": 100, "getuid": 102, "sigaltstack": 131, "setrlimit": 160, "gettid": 186, "time": 201, "futex": 202,
    "getdents64": 217, "restart_syscall": 219, "clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230,
    "exit_group": 231, "newfstatat": 262, "pselect6": 270, "ppoll": 271, "getrandom": 318, "memfd_create": 319,
    "statx": 332, "rseq": 334,
}  # fmt: skip
"""What a process of ours needs that reads descriptors, answers and ends: numbers of x86-64, syscalls(2)."""
_OPEN, _MMAP, _MPROTECT, _IOCTL, _TGKILL, _OPENAT, _PRLIMIT = 2, 9, 10, 16, 234, 257, 302
_PROT_EXEC = 4
_FOR_WRITING = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_IOCTLS = (0x5401, 0x5421, 0x5450, 0x5451)
"""TCGETS, FIONBIO, FIONCLEX, FIOCLEX: what Python does with files and sockets."""


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
    """Tell whether system calls can be filtered: where the kernel does, on the one architecture this was tested on."""
    known = os.uname().machine == "x86_64" and ctypes.sizeof(ctypes.c_void_p) == 8  # noqa: PLR2004 - bytes
    zero = ctypes.c_ulong(0)
    return known and _libc().prctl(_PR_GET_SECCOMP, zero, zero, zero, zero) >= 0


def shortcomings() -> list[str]:
    """Return what the sandbox of a decoder lacks on this machine, in words; nothing where it is whole."""
    version = landlock_version()
    missing = []
    if not version:
        missing.append("the kernel has no Landlock: files are kept from it by permissions alone")
    elif version < _SCOPED_SINCE:
        missing.append(f"the kernel's Landlock (version {version} of {_SCOPED_SINCE}) does not cover signals")
    if not can_filter():
        missing.append("system calls are not filtered: the kernel has no seccomp, or this is not x86-64")
    return missing


def confine(readable: Sequence[str]) -> list[str]:
    """Give up everything but open descriptors and the files below these folders; for good, in this thread.

    The process has to have no other threads, no need to import anything any more, and no new privileges to hope for
    (PR_SET_NO_NEW_PRIVS). Return what this machine cannot do of it, as `shortcomings` does. Raise OSError.
    """
    missing = shortcomings()
    version = landlock_version()
    if version:
        _restrict(version, readable)
    if can_filter():
        # Where Landlock does not say which files are open to it, none is.
        _filter(may_open=bool(version and readable))
    return missing


def _restrict(version: int, readable: Sequence[str]) -> None:
    wanted = _Ruleset(
        _FILES.get(version, _ALL_FILES),
        _NET if version >= _NET_SINCE else 0,
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
    code = b"".join(_instructions(may_open=may_open))
    program = _Program(len(code) // 8, code)
    zero = ctypes.c_ulong(0)
    _done(_libc().prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_MODE_FILTER), ctypes.byref(program), zero, zero), "a filter")


def _instructions(*, may_open: bool) -> list[bytes]:
    """Return a filter: these calls, some of them with these arguments only; EPERM for every other.

    Calls of another architecture, whose numbers mean something else, end the process.
    """
    code = [_one(_LOAD, _ARCH), _one(_EQUAL, _AUDIT_ARCH_X86_64, 1, 0), _one(_RETURN, _KILL), _one(_LOAD, _NUMBER)]
    for number in _PLAIN.values():
        code += [_one(_EQUAL, number, 0, 1), _one(_RETURN, _ALLOW)]
    code += _only(_MMAP, 2, _PROT_EXEC, 0)  # no new code,
    code += _only(_MPROTECT, 2, _PROT_EXEC, 0)
    code += _only(_IOCTL, 1, 0xFFFF_FFFF, *_IOCTLS)
    code += _only(_TGKILL, 0, 0xFFFF_FFFF, os.getpid())  # abort(3), but nobody else,
    code += _only(_PRLIMIT, 0, 0xFFFF_FFFF, 0)  # and limits of nobody else
    if may_open:
        code += _only(_OPEN, 1, _FOR_WRITING, os.O_RDONLY)
        code += _only(_OPENAT, 2, _FOR_WRITING, os.O_RDONLY)
    return [*code, _one(_RETURN, _REFUSE)]


def _only(number: int, argument: int, mask: int, *values: int) -> list[bytes]:
    """Return the instructions that allow a call where this argument, masked, is one of these values."""
    tests = [_one(_EQUAL, value, len(values) - at, 0) for at, value in enumerate(values)]
    body = [_one(_LOAD, _ARGUMENTS + 8 * argument), _one(_AND, mask), *tests, _one(_RETURN, _REFUSE)]
    return [_one(_EQUAL, number, 0, len(body) + 1), *body, _one(_RETURN, _ALLOW)]


def _one(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _done(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
