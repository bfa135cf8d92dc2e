"""The filter of system calls, run here instruction by instruction, for every architecture that it is made for."""

from __future__ import annotations

import fcntl
import mmap
import os
import re
import signal
import struct
from pathlib import Path

import pytest

from ocrspool.processes.seccomp import _CALLS, _PARTLY, ARCHITECTURES, program

PID = 4711
ALLOW, REFUSE, KILL = 0x7FFF_0000, 0x0005_0001, 0x8000_0000
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def decision(machine: str, call: str, *arguments: int, audit: int | None = None, may_open: bool = True) -> int:
    """Return what the filter says of a call, as the kernel would run it."""
    architecture = ARCHITECTURES[machine]
    number = architecture.number(call)
    assert number is not None
    padded = [*arguments, *([0] * (6 - len(arguments)))]
    seen = struct.pack("=iIQ6Q", number, audit or architecture.audit, 0, *padded)
    code = list(struct.iter_unpack("=HBBI", program(architecture, PID, may_open=may_open)))
    accumulator = at = 0
    while True:
        operation, if_true, if_false, value = code[at]
        at += 1
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("=I", seen, value)
        elif operation == 0x54:
            accumulator &= value
        elif operation == 0x15:
            at += if_true if accumulator == value else if_false
        else:
            assert operation == 0x06
            return int(value)


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_numbers_are_the_kernels(machine: str) -> None:
    """Every number stands in the header of the kernel, under this name."""
    if not HEADERS[machine].exists():
        pytest.skip(f"{HEADERS[machine]} is not installed (linux-libc-dev)")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)\s", HEADERS[machine].read_text())
    numbers = {("newfstatat" if name == "fstatat" else name): int(number) for name, number in found}
    architecture = ARCHITECTURES[machine]
    ours = {call: architecture.number(call) for call in (*_CALLS, *_PARTLY)}
    assert {call: number for call, number in ours.items() if number is not None} == {
        call: numbers[call] for call in ours if call in numbers and ours[call] is not None
    }
    assert [call for call, number in ours.items() if number is None and call in numbers] == []


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_what_is_allowed(machine: str) -> None:
    """What a decoder needs."""
    for call in _CALLS:
        if ARCHITECTURES[machine].number(call) is not None:
            assert decision(machine, call, 1, 2, 3) == ALLOW, call
    assert decision(machine, "fcntl", 3, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE) == ALLOW
    assert decision(machine, "memfd_create", 0, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING) == ALLOW
    assert decision(machine, "mmap", 0, 4096, mmap.PROT_READ | mmap.PROT_WRITE) == ALLOW
    assert decision(machine, "tgkill", PID, PID, signal.SIGABRT) == ALLOW
    assert decision(machine, "openat", 0, 0, os.O_RDONLY | os.O_CLOEXEC) == ALLOW


@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("fcntl", (3, fcntl.F_SETOWN, 1)),
        ("fcntl", (3, fcntl.F_SETSIG, signal.SIGKILL)),
        ("fcntl", (3, fcntl.F_SETLEASE, fcntl.F_RDLCK)),
        ("fcntl", (3, fcntl.F_NOTIFY, fcntl.DN_ACCESS)),
        ("fcntl", (3, 15, 0)),  # F_SETOWN_EX
        ("fcntl", (3, fcntl.F_SETLKW, 0)),
        ("memfd_create", (0, 4 | os.MFD_ALLOW_SEALING)),
        ("mmap", (0, 4096, 7)),
        ("mprotect", (0, 4096, 5)),
        ("ioctl", (3, 0x8901)),  # FIOSETOWN
        ("ioctl", (3, 0x5412)),  # TIOCSTI
        ("tgkill", (PID - 1, PID - 1, signal.SIGKILL)),
        ("prlimit64", (PID - 1, 7, 0)),
        ("openat", (0, 0, os.O_RDWR)),
        ("openat", (0, 0, os.O_RDONLY | os.O_CREAT)),
    ],
)
def test_what_is_refused(machine: str, call: str, arguments: tuple[int, ...]) -> None:
    """Arguments that reach other processes, make code, or write files."""
    assert decision(machine, call, *arguments) == REFUSE


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_calls_of_another_architecture_end_the_process(machine: str) -> None:
    """Their numbers mean other calls."""
    assert decision(machine, "read", audit=0x4000_0003) == KILL


def test_files_are_closed_where_landlock_does_not_choose() -> None:
    """Without `may_open` nothing is opened."""
    assert decision("x86_64", "openat", 0, 0, os.O_RDONLY, may_open=False) == REFUSE
    assert decision("x86_64", "open", 0, os.O_RDONLY, may_open=False) == REFUSE
