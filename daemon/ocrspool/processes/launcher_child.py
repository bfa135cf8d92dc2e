"""The process that starts processes for the service: its argument is the number of the channel's descriptor.

    {"command": [...], "environment": {...}, "folder": "", "reads": ""} + a descriptor or none
        → {"pid": 17} + a pipe, or {"errno": 11}

The pipe has the number of an error where the program could not begin, and ends when it has begun. This process does
not wait for that: a program may lie on a disk that does not answer.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys

from ocrspool.processes import lifetime
from ocrspool.processes.channel import Channel, ChannelClosedError, Message
from ocrspool.processes.standard_input import standard_input

_CLONE_PARENT = 0x8000
SYS_CLONE = {"x86_64": 56, "aarch64": 220}
"""The number of clone(2), by the name of the machine. There is no launcher on other machines."""
_PASSED = 3
"""The number that a descriptor has in the new process."""


class Starter:
    """Starts processes whose parent is this process's parent."""

    def __init__(self) -> None:
        self._number = SYS_CLONE[os.uname().machine]
        self._call = ctypes.PyDLL(None, use_errno=True).syscall  # the interpreter keeps its lock: the copy needs it too

    def start(self, request: Message, passed: list[int]) -> tuple[int, int]:
        """Start a process. Return its number and a pipe that ends when its program has begun. Raise OSError."""
        said, says = os.pipe()  # both are closed by exec
        no = ctypes.c_ulong(0)
        pid = int(
            self._call(ctypes.c_long(self._number), ctypes.c_ulong(_CLONE_PARENT | signal.SIGCHLD), no, no, no, no)
        )
        if pid == 0:
            _become(request, passed, says)
        code = ctypes.get_errno()
        os.close(says)
        if pid < 0:
            os.close(said)
            raise OSError(code, os.strerror(code))
        return pid, said


def _become(request: Message, passed: list[int], says: int) -> None:
    """Turn this copy into the program. It never returns."""
    code = 0
    try:
        says = os.dup(says) if says == _PASSED else says
        os.set_inheritable(says, False)  # noqa: FBT003 - its own form
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(standard_input(request["reads"]), 0)
        command = request["command"]
        if passed:
            os.dup2(passed[0], _PASSED)
            os.set_inheritable(_PASSED, True)  # noqa: FBT003 - its own form; it may have had this number already
            command = [*command, str(_PASSED)]
        if request["folder"]:
            os.chdir(request["folder"])
        os.execvpe(command[0], command, request["environment"])  # noqa: S606 - a shell is what nobody wants here
    except OSError as error:
        code = error.errno or 0
    finally:
        os.write(says, str(code).encode())
        os._exit(127)


def main() -> None:
    """Start what is asked for, until the service goes away."""
    lifetime.die_with_parent(gains_nothing=False)  # commands of the administrator are started too
    starter = Starter()
    asked = socket.socket(fileno=int(sys.argv[1]))
    asked.set_inheritable(False)
    channel = Channel(asked)
    while True:
        try:
            request, passed = channel.receive()
        except ChannelClosedError:
            return
        pipe: int | None = None
        try:
            pid, pipe = starter.start(request, passed)
            answer: Message = {"pid": pid}
        except OSError as error:
            answer = {"errno": error.errno}
        channel.send(answer, () if pipe is None else (pipe,))
        for descriptor in [*passed, *([] if pipe is None else [pipe])]:
            os.close(descriptor)


if __name__ == "__main__":
    main()
