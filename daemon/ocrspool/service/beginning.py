"""Whether an inbox serves yet. Where it cannot begin, why, and when it tries again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path

from ocrspool.errors import OcrspoolError
from ocrspool.files import faults
from ocrspool.formatting import counted
from ocrspool.processes.backoff import Backoff

_log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0
"""Seconds between two tries to begin, at first and at most. The pause doubles each time."""


class Beginning:
    """The tries of one inbox to begin. Its thread tries, and the main thread looks."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.tried = threading.Event()
        """Set when the first try has ended, well or not."""
        self.begun = False
        """Whether the inbox has its spool, so that it scans and claims."""
        self.error: OSError | OcrspoolError | None = None
        """Why it could not begin when it tried last."""
        self.next_try = 0.0
        """On the monotonic clock."""
        self._reason = ""
        self._pauses = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)

    def succeeded(self, left: int, folders: Mapping[str, Path]) -> None:
        """Take note that it has begun. `left` jobs were left in work/ by the last run."""
        if left:
            _log.info("inbox %s: %s left in work/ by the last run, read again now", self._name, counted(left, "file"))
        again = {"event": "inbox-serves"} if self.error is not None else {}
        _log.info(
            "inbox %s: drop files into %s; results: %s", self._name, folders["inbox"], folders["outbox"], extra=again
        )
        self.error, self._reason, self.begun = None, "", True
        self._pauses.reset()

    def failed(self, error: OSError | OcrspoolError, now: float) -> None:
        """Take note why it could not begin. The log says each reason once."""
        if (reason := in_words(error)) != self._reason:
            self._reason = reason
            waits = {"event": "inbox-waits"}
            _log.error("inbox %s waits and is tried again; the others go on: %s", self._name, reason, extra=waits)
        self.error = error
        self.next_try = now + self._pauses.next()

    def try_soon(self) -> None:
        """Try at once, because the settings are others."""
        self.next_try = 0.0

    def reason(self) -> str:
        """Return why it does not serve; "" where it does."""
        if self.begun:
            return ""
        return in_words(self.error) if self.error is not None else "it has not begun yet"


def in_words(error: Exception) -> str:
    """Return an error as a line for people."""
    if isinstance(error, OcrspoolError):
        return "; ".join(filter(None, (*error.message.splitlines(), error.hint)))
    return faults.in_words(error) if isinstance(error, OSError) else str(error)
