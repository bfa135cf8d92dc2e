"""How a process is started: with a program, its arguments and variables, and at most one descriptor of ours.

Each process has a session of its own, and our standard output and error.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Command:
    """What is started."""

    words: Sequence[str]
    """The program and its arguments."""
    environment: Mapping[str, str]
    """Its variables. It gets no others."""
    descriptor: int | None = None
    """A descriptor that it gets too. Its number in the new process becomes the last argument."""
    folder: str = ""
    """The folder in which it starts; "": that of this process."""
    reads: str = ""
    """A regular file that is its standard input. It reads nothing where that is a link or cannot be opened."""


Start = Callable[[Command], Process]
"""Starts a process. Raise OSError, or ValueError for a null byte; StartLostError where it may have been started."""


class StartLostError(OSError):
    """Nobody knows whether the process was started. If it was, it has the descriptor: another try needs another one."""


def directly(command: Command) -> Process:
    """Start a process from this one (Start)."""
    sent = () if command.descriptor is None else (command.descriptor,)
    read = standard_input(command.reads)
    try:
        return subprocess.Popen(
            [*command.words, *map(str, sent)],
            stdin=read,
            env=command.environment,
            cwd=command.folder or None,
            pass_fds=sent,
            start_new_session=True,
        )
    finally:
        os.close(read)
