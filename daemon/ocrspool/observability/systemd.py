"""Messages to systemd, by sdnotify: ready, status, keepalive, stopping. Without systemd they do nothing.

sdnotify swallows errors unless told otherwise. Here they are logged once, because a readiness message that never
arrives looks like a hang.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import sdnotify

_log = logging.getLogger(__name__)

_EXTEND_EVERY_SECONDS = 2.0
_EXTEND_BY_SECONDS = 30.0
"""Far more than the pause: a build that takes all processors, or swaps, delays the thread that asks for more time."""


class Notifier:
    """Sends notifications where NOTIFY_SOCKET asks for them (sd_notify(3))."""

    def __init__(self) -> None:
        self._systemd: sdnotify.SystemdNotifier | None = None
        self._last_status = ""
        if os.environ.get("NOTIFY_SOCKET"):
            try:
                self._systemd = sdnotify.SystemdNotifier(debug=True)
            except OSError as error:
                _log.warning("cannot reach systemd at %s: %s", os.environ["NOTIFY_SOCKET"], error)
        self.keepalive_seconds = _keepalive_seconds()

    def ready(self) -> None:
        """Report that files are being processed from now on."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows. The same line again is not sent."""
        if text != self._last_status:
            self._last_status = text
            self._send(f"STATUS={text}")

    def extend(self, seconds: float) -> None:
        """Ask systemd not to give up a start or a stop for so long: it is slow, and makes progress."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}")

    @contextmanager
    def extend_timeout_while(self, seconds: float) -> Iterator[None]:
        """Keep systemd from giving up while something slow goes on, for at most so long."""
        done = threading.Event()
        deadline = time.monotonic() + seconds

        def extend() -> None:
            while time.monotonic() < deadline:
                self.extend(_EXTEND_BY_SECONDS)
                if done.wait(_EXTEND_EVERY_SECONDS):
                    return

        thread = threading.Thread(target=extend, name="patience", daemon=True)
        if self._systemd is not None:
            thread.start()
        try:
            yield
        finally:
            done.set()
            if thread.ident is not None:
                thread.join()

    def reloading(self) -> None:
        """Report that the configuration is being read again; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def failed(self, exit_status: int, errno: int | None = None) -> None:
        """Report the exit status with which the service is about to end."""
        self._send(f"EXIT_STATUS={exit_status}" + (f"\nERRNO={errno}" if errno is not None else ""))

    def last_words(self, error: BaseException) -> None:
        """Put the reason of a failure into the status line. It stays there after the end."""
        lines = str(error).splitlines() or [type(error).__name__]
        more = f" (and {len(lines) - 1} more, in the log)" if len(lines) > 1 else ""
        self.status(f"failed: {lines[0]}{more}")

    def keepalive(self) -> None:
        """Show systemd's watchdog that the main loop turns."""
        if self.keepalive_seconds is not None:
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Report that the service has begun to stop."""
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        if self._systemd is None:
            return
        try:
            # sdnotify encodes to Latin-1 and systemd wants UTF-8: this makes UTF-8 of the one through the other.
            self._systemd.notify(state.encode("utf-8", "replace").decode("latin-1"))
        except OSError as error:
            _log.warning("systemd did not take %r: %s", state, error)


def _keepalive_seconds() -> float | None:
    """Return how often a keepalive is due: half of what systemd waits (sd_watchdog_enabled(3)); None = never."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        return int(os.environ["WATCHDOG_USEC"]) / 2e6 or None
    except (KeyError, ValueError):
        return None
