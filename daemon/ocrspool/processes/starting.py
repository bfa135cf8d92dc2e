"""How a process is started: with a program, its arguments and variables, and at most one descriptor of ours.

Each process has a session of its own, and our standard output and error.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Protocol

from ocrspool.processes.standard_input import standard_input


class Process(Protocol):
    """A child of this process, as subprocess.Popen has it."""

    @property
    def pid(self) -> int:
        """Its number. It stays its own until `poll` or `wait` has seen its end."""

    @property
    def returncode(self) -> int | None:
        """How it ended, as far as is known: its exit code, or a signal as a negative number."""

    def poll(self) -> int | None:
        """Return how it ended; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raise subprocess.TimeoutExpired."""

    def kill(self) -> None:
        """Send SIGKILL, unless it is known to have ended."""


class Start(Protocol):
    """Starts a process."""

    def __call__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        descriptor: int | None = None,
        folder: str = "",
        reads: str = "",
    ) -> Process:
        """Start a command in a folder; "": in that of this process. Raise OSError, or ValueError for a null byte.

        With a descriptor, the number that it has in the new process is the command's last argument. The command can
        read the regular file `reads` as its standard input. It reads nothing where that is a link or cannot be opened.
        """


def directly(
    command: Sequence[str],
    environment: Mapping[str, str],
    descriptor: int | None = None,
    folder: str = "",
    reads: str = "",
) -> Process:
    """Start a process from this one (Start)."""
    read = standard_input(reads)
    try:
        return subprocess.Popen(
            [*command] if descriptor is None else [*command, str(descriptor)],
            stdin=read,
            env=environment,
            cwd=folder or None,
            pass_fds=() if descriptor is None else (descriptor,),
            start_new_session=True,
        )
    finally:
        os.close(read)
