"""Runs the administrator's command after a file was read or has failed. One command runs at a time, and no job waits.

A command runs at most once. The outcome is on disk before it runs, and nothing remembers that it still has to run. A
crash or a kill in between loses the call and no document. Whoever must not miss a document looks at the outbox as well.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import subprocess
import threading
import time

from ocrspool.files import names
from ocrspool.formatting import counted
from ocrspool.pipeline.job_outcome import JobOutcome
from ocrspool.processes.starting import Command, Start, directly
from ocrspool.spool.jobs import log_fields

_log = logging.getLogger(__name__)

_OURS_ALONE = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")
"""Variables that are meant only for the service (sd_notify(3), sd_listen_fds(3)). A command does not get them."""
_LOOK_SECONDS = 0.2
"""How often a stop is looked for while a command runs."""
_KILL_SECONDS = 5.0
"""How long the end of a killed command is waited for."""


class Hooks:
    """The commands of all inboxes, and the one thread that runs them."""

    def __init__(self, start: Start = directly) -> None:
        """`start` starts the commands."""
        self._start = start
        self._waiting: queue.SimpleQueue[JobOutcome | None] = queue.SimpleQueue()
        self._unfinished = 0
        self._counting = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="hooks", daemon=True)

    def start(self) -> None:
        """Begin to run commands."""
        self._thread.start()

    def enqueue(self, event: JobOutcome) -> None:
        """Let the command for this event run, where its inbox has one. Return at once."""
        if event.command:
            with self._counting:
                self._unfinished += 1
            self._waiting.put(event)

    def busy(self) -> bool:
        """Tell whether a command runs or waits."""
        return self._unfinished > 0

    def close(self) -> None:
        """Kill the command that runs. Those that wait do not run any more."""
        self._closed.set()
        self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join()
        if self._unfinished:
            left = counted(self._unfinished, "command")
            _log.warning("stopped: %s of on_done or on_failed not run", left)

    def _work(self) -> None:
        while (event := self._waiting.get()) is not None and not self._closed.is_set():
            self._run(event)
            with self._counting:
                self._unfinished -= 1

    def _run(self, event: JobOutcome) -> None:
        command = event.command
        began = time.monotonic()
        fine = log_fields(event.job)
        bad = {**fine, "event": "hook-failed"}
        try:
            code = self._wait(command, event, event.hooks.seconds)
        except TimeoutError as error:
            _log.error("on_%s: %s was killed: %s", event.outcome, command[0], error, extra=bad)
        except (OSError, ValueError) as error:
            _log.error("on_%s: cannot run %s: %s", event.outcome, command[0], error, extra=bad)
        else:
            level, extra = (logging.WARNING, bad) if code else (logging.INFO, fine)
            took = time.monotonic() - began
            _log.log(level, "on_%s: %s ended with %d after %.2f s", event.outcome, command[0], code, took, extra=extra)

    def _wait(self, command: tuple[str, ...], event: JobOutcome, seconds: float) -> int:
        """Return how the command ended. Raise TimeoutError where it was killed; OSError, ValueError."""
        deadline = time.monotonic() + seconds
        files = [os.fspath(path.absolute()) for path in event.files]
        # It has a process group of its own, so that its children can be ended with it.
        # It reads the JSON from standard input: people may replace the file by a link before the command opens it.
        told = files[0] if event.outcome == "done" else files[1]
        process = self._start(Command([*command, *files], _environment(event, files), folder="/", reads=told))
        while time.monotonic() < deadline and not self._closed.is_set():
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(_LOOK_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)  # not reaped yet, so the number is its own
        with contextlib.suppress(subprocess.TimeoutExpired):  # it waits for a disk that does not answer
            process.wait(_KILL_SECONDS)
        raise TimeoutError("the service stops" if self._closed.is_set() else f"it took longer than {seconds:g} s")


def _environment(event: JobOutcome, files: list[str]) -> dict[str, str]:
    known = {name: value for name, value in os.environ.items() if name not in _OURS_ALONE}
    told = {
        "OUTCOME": event.outcome,
        "JOB": event.job.id,
        "INBOX": event.job.inbox,
        "NAME": names.as_text(event.job.name),
        "RESULT" if event.outcome == "done" else "FILE": files[0],
        **event.more,
    }
    if event.outcome == "failed":
        told["REASON"] = files[1]
    return known | {f"OCRSPOOL_{name}": value for name, value in told.items()}
