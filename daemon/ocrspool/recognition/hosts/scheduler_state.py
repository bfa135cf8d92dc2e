"""What the service knows of the scheduler: whether it answers, and whether its program is the same."""

from __future__ import annotations

import logging

from ocrspool.recognition.hosts.bridge_client import SchedulerSeen
from ocrspool.recognition.hosts.program import other_dask

_log = logging.getLogger(__name__)


class SchedulerState:
    """The scheduler as the bridge has seen it last. Whoever has it guards it."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.reason = "it has not answered yet"
        """Why it is away; "" while it answers."""
        self.other = ""
        """What it has installed otherwise, in words."""

    def take(self, event: SchedulerSeen, our_dask: str) -> None:
        """Take note of what the bridge has seen, and log what is news."""
        before, self.reason = self.reason, "" if event.up else event.reason
        if self.reason and not before:
            _log.warning("the scheduler %s is away: %s", self._address, self.reason)
        elif before and not self.reason:
            _log.info("the scheduler %s answers", self._address)
        self._compare(event.dask, our_dask)

    def _compare(self, dask: str, our_dask: str) -> None:
        """Warn of another version of Dask: it may misunderstand, which would show as something else.

        It is no reason to stop: while a cluster is upgraded, the scheduler comes before the service.
        """
        before, self.other = self.other, other_dask(dask, our_dask)
        if self.other and self.other != before:
            told = "the scheduler %s has another program: %s; install the same version there"
            _log.warning(told, self._address, self.other, extra={"event": "scheduler-differs"})
