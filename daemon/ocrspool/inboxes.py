"""All inboxes of the configuration: scanned, claimed from in turn, changed by a reload. The main thread owns them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from typing import Any

from ocrspool.config import Inbox, Live, Profile
from ocrspool.intake import Intake
from ocrspool.jobs import Job
from ocrspool.watch import Watch

_log = logging.getLogger(__name__)


class Inboxes:
    """The intakes at work, and those on their way out."""

    def __init__(self, live: Live, watch: Watch, on_stage: Callable[[str], None]) -> None:
        self._live = live
        self._watch = watch
        self._on_stage = on_stage
        self._intakes: list[Intake] = []
        self._leaving: list[Intake] = []
        """Removed by a reload while files of theirs were in work."""

    def open(self) -> None:
        """Begin with all of them: what a crash left, then what is there. Raise OcrspoolError."""
        for name, inbox in self._live.config.inbox.items():
            self._intakes.append(self._added(name, inbox, self._live.config.profile_of(name)))

    def scan(self) -> None:
        """Look at each inbox for which it is time."""
        for intake in self._intakes:
            intake.scan_if_due()

    def claim(self) -> tuple[Job, Intake] | None:
        """Return the next job, from the inboxes in turn; None when none has any."""
        least = self._live.config.limits.free_disk_mb
        for _ in range(len(self._intakes)):
            intake = self._intakes.pop(0)
            self._intakes.append(intake)
            if (job := intake.claim(least)) is not None:
                return job, intake
        return None

    def next_scan_in(self) -> float:
        """Return after how many seconds the next look is due, if nothing happens before."""
        return min(intake.next_scan() for intake in self._intakes) - time.monotonic()

    def waiting(self) -> int:
        """Return how many files could be claimed, as far as the last scans know."""
        return sum(intake.waiting() for intake in self._intakes)

    def queues(self) -> dict[str, dict[str, Any]]:
        """Return the queue of each inbox by its name."""
        return {intake.name: intake.queue() for intake in sorted(self._intakes, key=lambda intake: intake.name)}

    def lack(self) -> str:
        """Return why an inbox has nothing claimed from it; "" where there is room for all."""
        return next((intake.room.lack for intake in self._intakes if intake.room.lack), "")

    def change(self, in_work: Collection[str]) -> None:
        """Make them those of the configuration; inboxes named by `in_work` have files in work, which go on."""
        config = self._live.config
        for intake in [intake for intake in self._intakes if intake.name not in config.inbox]:
            self._intakes.remove(intake)
            intake.rest()
            self._leaving.append(intake)
            _log.info("inbox %s is no longer watched", intake.name)
        self.let_leave(in_work)
        for name, inbox in config.inbox.items():
            profile = config.profile_of(name)
            known = next((intake for intake in self._intakes if intake.name == name), None)
            if known is None:
                self._intakes.append(self._added(name, inbox, profile))
            elif (inbox, profile) != (known.inbox, known.profile):
                known.change(inbox, profile)
                _log.info("inbox %s has new settings", name)

    def let_leave(self, in_work: Collection[str]) -> None:
        """Let go of removed inboxes that have nothing in work any more."""
        for intake in [intake for intake in self._leaving if intake.name not in in_work]:
            self._leaving.remove(intake)
            intake.close()

    def close(self) -> None:
        """Let go of all."""
        for intake in self._intakes + self._leaving:
            intake.close()

    def _added(self, name: str, inbox: Inbox, profile: Profile) -> Intake:
        """Return an inbox at work: a new one, or one removed a moment ago that has files in work still."""
        for intake in self._leaving:
            if intake.name == name and intake.spool.work == inbox.folder("work"):
                self._leaving.remove(intake)
                intake.change(inbox, profile)
                return intake
        self._on_stage(f"recovering inbox {name}")
        intake = Intake(name, inbox, profile, self._watch)
        if left := intake.open():
            _log.info("inbox %s: %d files were left in work/ and are read again", name, left)
        intake.scan_if_due()
        _log.info("inbox %s: drop files into %s; results: %s", name, intake.spool.inbox, intake.spool.outbox)
        return intake
