"""A child process with a channel to it: how the service starts, asks and ends decoders and workers.

The process is started anew and never forked from a process with threads. It is started without a shell. It inherits one
socket and nothing else of ours.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence

from ocrspool.processes.channel import MOST_BYTES, Channel, ChannelClosedError, Message
from ocrspool.processes.fast_json import loads
from ocrspool.processes.processor_time import wait_for
from ocrspool.processes.starting import Command, Process, Start, StartLostError, directly
from ocrspool.processes.wakeup import WakeupEvent

_EXIT_SECONDS = 2.0
_KILL_SECONDS = 2.0
"""A process that was killed ends at once, unless it is in a call on a disk that does not answer: then it is left."""


_NO_PROCESS = {errno.EAGAIN, errno.ENOMEM}
"""What fork(2) and clone(2) say where a limit on processes or memory is reached."""


class ChildDiedError(Exception):
    """The child ended, hung or spoke nonsense; the message says how, in words for a log."""

    def __init__(self, how: str, *, overdue: bool = False) -> None:
        """`overdue` tells that it took too long, by the clock or by its limit of processor time."""
        super().__init__(how)
        self.overdue = overdue


class NoProcessError(OSError):
    """The machine, or the unit, has no process left for us: nobody's fault, and it passes."""


class Child:
    """One process running `python -m module FD`. Used by one thread at a time."""

    def __init__(
        self,
        module: str,
        environment: Mapping[str, str],
        most_bytes: int = MOST_BYTES,
        options: Sequence[str] = ("-I", "-m"),
        start: Start = directly,
    ) -> None:
        """`options` are those of the interpreter. Without `-m`, `module` is the path of a script. `start` starts it."""
        words = [sys.executable, *options, module]
        try:
            try:
                self._process, ours = _started(start, words, environment)
            except StartLostError:  # if there is such a process after all, it has another socket, which is closed
                self._process, ours = _started(start, words, environment)
        except OSError as error:
            if error.errno not in _NO_PROCESS:
                raise
            raise NoProcessError(error.errno, f"no process can be started: {error.strerror}") from error
        self._channel = Channel(ours, most_bytes, loads)
        self.pid = self._process.pid

    def ask(self, message: Message, descriptors: tuple[int, ...] = (), *, seconds: float) -> tuple[Message, list[int]]:
        """Send a request and wait for its answer. Raise ChildDiedError when there is none in time: it is dead then."""
        self.tell(message, descriptors)
        return self.receive(seconds=seconds)

    def tell(self, message: Message, descriptors: tuple[int, ...] = ()) -> None:
        """Send a request without waiting for what it answers. Raise ChildDiedError."""
        try:
            self._channel.send(message, descriptors)
        except ChannelClosedError as error:
            raise self.died() from error

    def has_answered(self, seconds: float, wake: WakeupEvent | None = None) -> bool:
        """Tell whether `receive` would find something at once (its end too).

        Wait for it at most so long, and no longer than until `wake` is set.
        """
        if wake is not None:
            wake.wait(seconds, self._channel.fileno())
            seconds = 0
        return self._channel.has_message(seconds)

    def overdue(self, seconds: float) -> ChildDiedError:
        """End it and return why: it has said nothing for so long."""
        self.kill()
        return ChildDiedError(f"gave no answer for {seconds:g} s", overdue=True)

    def receive(self, *, seconds: float) -> tuple[Message, list[int]]:
        """Wait for one more message. Raise ChildDiedError, or OSError when it is us who fail: it is dead then, too.

        A child that gets no processor has longer (processor_time.py).
        """
        try:
            if not self._channel.has_arrived:
                wait_for(self._channel.has_message, self.pid, seconds)
            return self._channel.receive(seconds)
        except TimeoutError as error:
            raise self.overdue(seconds) from error
        except ChannelClosedError as error:
            raise self.died() from error
        except OSError:
            self.kill()
            raise

    def resident_bytes(self) -> int:
        """Return the memory it holds now (VmRSS of proc(5)); 0 when it has gone."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            descriptor = os.open(f"/proc/{self.pid}/statm", os.O_RDONLY | os.O_CLOEXEC)
            try:
                pages = int(os.read(descriptor, 256).split()[1])
            finally:
                os.close(descriptor)
            return pages * resource.getpagesize()
        return 0

    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """Let it end by closing its channel; kill it where it does not."""
        self._channel.close()
        try:
            self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def signal_kill(self) -> None:
        """End it from another thread than the one that uses it, which then sees it die."""
        self._process.kill()

    def kill(self) -> None:
        """End it now."""
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILL_SECONDS)
        self._channel.close()

    def died(self) -> ChildDiedError:
        """Return how it ended. What closes its channel has ended or is not to be trusted any more, and is killed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_EXIT_SECONDS)
        self.kill()
        code = self._process.returncode
        if code is None:
            return ChildDiedError("was killed and does not end: it waits for a disk")
        if code >= 0:
            return ChildDiedError(f"ended with exit code {code}")
        if code == -signal.SIGXCPU:  # comes first where a busy machine lets the clock of `receive` run longer
            return ChildDiedError("took more than its processor time", overdue=True)
        with contextlib.suppress(ValueError):
            return ChildDiedError(f"was killed by {signal.Signals(-code).name}")
        return ChildDiedError(f"was killed by signal {-code}")


def _started(start: Start, words: Sequence[str], environment: Mapping[str, str]) -> tuple[Process, socket.socket]:
    """Start a process. Return it, and our end of the channel to it. Raise OSError."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            return start(Command(words, environment, theirs.fileno())), ours
        except OSError:
            ours.close()
            raise
