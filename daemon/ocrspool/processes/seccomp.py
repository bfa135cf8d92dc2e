"""Which system calls a confined process may make, as a program of the Berkeley Packet Filter (seccomp(2)). Pure.

The kernel runs the program at each system call, over `struct seccomp_data`: the number of the call, the architecture
and the arguments. Calls that are not named here are refused with EPERM.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from dataclasses import dataclass

_CALLS: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "stat": (4, None), "fstat": (5, 80), "lstat": (6, None),
    "poll": (7, None), "lseek": (8, 62), "munmap": (11, 215), "brk": (12, 214), "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "pread64": (17, 67), "pwrite64": (18, 68),
    "readv": (19, 65), "writev": (20, 66), "access": (21, None), "select": (23, None), "sched_yield": (24, 124),
    "mremap": (25, 216), "madvise": (28, 233), "dup": (32, 23), "nanosleep": (35, 101), "getpid": (39, 172),
    "sendto": (44, 206), "recvfrom": (45, 207), "sendmsg": (46, 211), "recvmsg": (47, 212), "exit": (60, 93),
    "ftruncate": (77, 46), "gettimeofday": (96, 169), "getrlimit": (97, 163), "getrusage": (98, 165),
    "sysinfo": (99, 179), "times": (100, 153), "getuid": (102, 174), "sigaltstack": (131, 132),
    "setrlimit": (160, 164), "gettid": (186, 178), "time": (201, None), "futex": (202, 98), "getdents64": (217, 61),
    "restart_syscall": (219, 128), "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115), "exit_group": (231, 94), "newfstatat": (262, 79), "faccessat": (269, 48),
    "pselect6": (270, 72), "ppoll": (271, 73), "getrandom": (318, 278), "statx": (332, 291), "rseq": (334, 293),
    "faccessat2": (439, 439),
}  # fmt: skip
"""Calls that are allowed with any arguments: what a process needs that reads descriptors, answers and ends.

Numbers of x86-64 and of aarch64, from the kernel's `unistd_64.h` and `asm-generic/unistd.h`; None where there is no
such call.
"""
_PARTLY: dict[str, tuple[int | None, int | None]] = {
    "open": (2, None), "openat": (257, 56), "mmap": (9, 222), "mprotect": (10, 226), "ioctl": (16, 29),
    "fcntl": (72, 25), "tgkill": (234, 131), "prlimit64": (302, 261), "memfd_create": (319, 279),
}  # fmt: skip
"""Calls of which some arguments are allowed."""

_PROT_EXEC = 4
_FOR_WRITING = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_IOCTLS = (0x5401, 0x5421, 0x5450, 0x5451)
"""TCGETS, FIONBIO, FIONCLEX, FIOCLEX: what Python does with files and sockets."""
_FCNTLS = (
    fcntl.F_DUPFD, fcntl.F_GETFD, fcntl.F_SETFD, fcntl.F_GETFL, fcntl.F_SETFL, fcntl.F_DUPFD_CLOEXEC,
    fcntl.F_ADD_SEALS, fcntl.F_GET_SEALS,
)  # fmt: skip
"""Others make the kernel send signals to processes of the user (F_SETOWN, F_SETSIG, F_NOTIFY, F_SETLEASE), or lock."""
_NO_HUGE_PAGES = 0x4
"""MFD_HUGETLB: such a memory file takes pages from a pool of the machine. Mapping it can fail in another process."""

_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
"""Where they lie in struct seccomp_data. The filter looks at the lower half of an argument: no more is used."""
_KILL, _ALLOW, _REFUSE = 0x8000_0000, 0x7FFF_0000, 0x0005_0000 | errno.EPERM
_LOAD, _EQUAL, _AND, _RETURN = 0x20, 0x15, 0x54, 0x06
"""Instructions of the Berkeley Packet Filter: BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_ALU|AND|K, BPF_RET|K."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """What differs between processors."""

    audit: int
    """AUDIT_ARCH_* of linux/audit.h: how the kernel names the architecture of a call."""
    column: int
    """Where its numbers stand in the tables above."""

    def number(self, call: str) -> int | None:
        """Return the number of a call; None where there is no such call."""
        return (_CALLS.get(call) or _PARTLY[call])[self.column]


ARCHITECTURES = {"x86_64": Architecture(0xC000_003E, 0), "aarch64": Architecture(0xC000_00B7, 1)}
"""By the machine's name in uname(2)."""


def program(architecture: Architecture, pid: int, *, may_open: bool) -> bytes:
    """Return the filter for the process `pid`: struct sock_filter, 8 bytes each.

    `may_open` lets it open files for reading. A call of another architecture, where the numbers mean other calls, ends
    the process.
    """
    code = [_one(_LOAD, _ARCH), _one(_EQUAL, architecture.audit, 1, 0), _one(_RETURN, _KILL), _one(_LOAD, _NUMBER)]
    for call in _CALLS:
        if (number := architecture.number(call)) is not None:
            code += [_one(_EQUAL, number, 0, 1), _one(_RETURN, _ALLOW)]
    for call, rule in _rules(pid, may_open=may_open).items():
        if (number := architecture.number(call)) is not None:
            code += _only(number, *rule)
    return b"".join([*code, _one(_RETURN, _REFUSE)])


def _rules(pid: int, *, may_open: bool) -> dict[str, tuple[int, ...]]:
    """Return of each call the argument that decides, a mask for it, and the values that it may have then."""
    every = 0xFFFF_FFFF
    rules: dict[str, tuple[int, ...]] = {
        "mmap": (2, _PROT_EXEC, 0),
        "mprotect": (2, _PROT_EXEC, 0),
        "ioctl": (1, every, *_IOCTLS),
        "fcntl": (1, every, *_FCNTLS),
        "tgkill": (0, every, pid),  # abort(3) signals its own process
        "prlimit64": (0, every, 0),
        "memfd_create": (1, _NO_HUGE_PAGES, 0),
    }
    if may_open:
        rules |= {"open": (1, _FOR_WRITING, os.O_RDONLY), "openat": (2, _FOR_WRITING, os.O_RDONLY)}
    return rules


def _only(number: int, argument: int, mask: int, *values: int) -> list[bytes]:
    """Return the instructions that allow a call where this argument, masked, is one of these values."""
    tests = [_one(_EQUAL, value, len(values) - at, 0) for at, value in enumerate(values)]
    body = [_one(_LOAD, _ARGUMENTS + 8 * argument), _one(_AND, mask), *tests, _one(_RETURN, _REFUSE)]
    return [_one(_EQUAL, number, 0, len(body) + 1), *body, _one(_RETURN, _ALLOW)]


def _one(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
