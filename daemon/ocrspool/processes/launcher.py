"""Starts processes through a small process that has no file of a spool open.

A new process closes the files that it does not keep, and the kernel lets some filesystems wait for their server at each
close (FUSE, and NFS or SMB for a file that is being written). The service has files of each spool open. While the
server of one is dead, a process that the service starts itself would hang before its program begins, and nothing could
be started for any inbox. So the service asks a launcher, which was started before any spool was opened.

The kernel makes what the launcher starts a child of the service (CLONE_PARENT, clone(2)): the service waits for it.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time

from ocrspool.processes.channel import Channel, ChannelClosedError, Message
from ocrspool.processes.launcher_child import SYS_CLONE
from ocrspool.processes.processor_time import wait_for
from ocrspool.processes.starting import Command, Process, StartLostError, directly

_log = logging.getLogger(__name__)

_ANSWER_SECONDS = 30.0
"""How long the launcher may take to start a process, if it gets a processor."""
_BEGIN_SECONDS = 10.0
"""How long a program may take to begin. It, or what it reads, may lie on a disk that does not answer."""
_END_SECONDS = 2.0
_LONGEST_LOOK_SECONDS = 0.05


class Launcher:
    """Starts processes (starting.Start). Safe to use from several threads.

    Before `start`, after `close`, and where its process has gone, it starts them directly.
    """

    def __init__(self, begin_seconds: float = _BEGIN_SECONDS, answer_seconds: float = _ANSWER_SECONDS) -> None:
        self._begin_seconds = begin_seconds
        self._answer_seconds = answer_seconds
        self._asking = threading.Lock()
        self._process: Process | None = None
        self._channel: Channel | None = None

    def start(self) -> None:
        """Start the launcher's process, from a thread that lasts, before any file of a spool is open."""
        if os.uname().machine not in SYS_CLONE:
            return
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-I", "-m", "ocrspool.processes.launcher_child"]
            try:
                # Secrets of hooks come with each request: a decoder could read them in /proc.
                known = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
                self._process = directly(Command(command, known, theirs.fileno()))
            except OSError:
                ours.close()  # a shortage that will show itself where a process is needed
                return
        self._channel = Channel(ours)

    def __call__(self, command: Command) -> Process:
        """Start a process (Start). Raise OSError, ValueError."""
        words, environment = list(command.words), dict(command.environment)
        request = {"command": words, "environment": environment, "folder": command.folder, "reads": command.reads}
        if any("\0" in word for word in (*words, *environment, *environment.values())):
            raise ValueError("embedded null byte")
        reply = self._asked(request, () if command.descriptor is None else (command.descriptor,), words[0])
        if reply is None:
            return directly(command)
        answer, received = reply
        if "errno" in answer:
            raise OSError(answer["errno"], os.strerror(answer["errno"]), words[0])
        child = LaunchedProcess(answer["pid"])
        with os.fdopen(received[0], "rb") as failure:  # it ends when the program has begun
            try:
                wait_for(
                    lambda seconds: bool(select.select([failure], [], [], seconds)[0]), child.pid, self._begin_seconds
                )
            except TimeoutError as error:
                child.kill()
                raise TimeoutError(f"it did not begin within {self._begin_seconds:g} s") from error
            code = failure.read()
        if code:
            child.wait()
            raise OSError(int(code), os.strerror(int(code)), words[0])
        return child

    def _asked(self, request: Message, sent: tuple[int, ...], program: str) -> tuple[Message, list[int]] | None:
        """Return what the launcher answers; None where there is none to be asked. Raise StartLostError."""
        asked = False
        try:
            with self._asking:
                if self._channel is None or self._process is None:
                    return None
                self._channel.send(request, sent)
                asked = True
                wait_for(self._channel.has_message, self._process.pid, self._answer_seconds)
                return self._channel.receive(self._answer_seconds)
        except (ChannelClosedError, TimeoutError) as error:
            self._give_up(error)
            if asked:  # it may have started the process, or may be about to
                raise StartLostError(errno.EAGAIN, "the launcher of processes has gone", program) from error
            return None

    def close(self) -> None:
        """End the launcher's process. Nothing can be started by it any more."""
        with self._asking:
            if self._channel is not None:
                self._channel.close()
            self._channel = None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SECONDS)
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SECONDS)

    def _give_up(self, error: Exception) -> None:
        _log.error("the launcher of processes has gone (%s): they are started without it", error or "it is silent")
        self.close()


class LaunchedProcess:
    """A child of this process that the launcher has started (starting.Process)."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._looking = threading.Lock()

    def poll(self) -> int | None:
        """Return how it ended; None while it runs."""
        with self._looking:
            if self.returncode is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raise subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = 0.0005
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(pause)  # as subprocess does: there is no call that waits for a process for so long
            pause = min(pause * 2, _LONGEST_LOOK_SECONDS)
        return code

    def kill(self) -> None:
        """Send SIGKILL, unless it is known to have ended."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
