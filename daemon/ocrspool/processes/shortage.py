"""A shortage of threads or processes: nothing new is started for a while, and no document is blamed."""

from __future__ import annotations

import logging
import threading
import time

from ocrspool.processes.backoff import Backoff

_log = logging.getLogger(__name__)

_FIRST_SECONDS, _LONGEST_SECONDS = 1.0, 15.0
"""How long nothing is begun after the first failure, and at most; it doubles with each that follows at once."""


class Shortage:
    """Noted by whoever cannot start a thread or a process. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pauses = Backoff(_FIRST_SECONDS, _LONGEST_SECONDS)
        self._pause = 0.0
        self._until = 0.0
        self.shortage_reason = ""
        """What is short; "" when nothing is known to be."""

    def note(self, problem: BaseException) -> None:
        """Take note that a thread or a process could not be started."""
        with self._lock:
            now = time.monotonic()
            if not self.shortage_reason:
                _log.error(
                    "no thread or process can be started (%s): nothing is claimed until one can; "
                    "the limits are TasksMax= of the unit and RLIMIT_NPROC",
                    problem,
                    extra={"event": "claims-paused"},
                )
                self._pauses.reset()
                self._pause = self._pauses.next()
            elif now >= self._until:
                self._pause = self._pauses.next()
            self.shortage_reason = f"no thread or process can be started ({problem})"
            self._until = now + self._pause

    def over(self) -> bool:
        """Tell whether something new may be begun. Once the pause has passed, starting a thread shows it."""
        if not self.shortage_reason:
            return True
        if time.monotonic() < self._until:
            return False
        try:
            threading.Thread(target=_nothing, name="probe", daemon=True).start()
        except RuntimeError as problem:
            self.note(problem)
            return False
        with self._lock:
            self.shortage_reason = ""
        _log.info("threads and processes can be started again", extra={"event": "claims-resumed"})
        return True


def _nothing() -> None:
    """Do nothing, on a thread."""
