"""All inboxes of the configuration, for the main thread: slots granted in turn, changes by a reload, disks that hang.

Nothing here touches a spool: each inbox has a thread that does (inbox_thread.py).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from ocrspool.config.schema import Config, Inbox, Profile
from ocrspool.errors import ConfigError, OcrspoolError
from ocrspool.files.faults import is_of_people
from ocrspool.service.inbox_thread import Attendant, Surroundings, in_words

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
"""While a step on a disk goes on, its length is looked at this often."""
_CLOSE_SECONDS = 5.0
"""How long the threads of inboxes have to let go of their spools at the end. One whose disk hangs never does."""


class Inboxes:
    """The inboxes at work, and those on their way out."""

    def __init__(self, around: Surroundings, on_stage: Callable[[str], None], on_slow: Callable[[str], None]) -> None:
        self._around = around
        self._on_stage = on_stage
        self._on_slow = on_slow
        """Told, again and again, the name of an inbox whose disk keeps its jobs waiting."""
        self._attendants: list[Attendant] = []
        self._leaving: list[Attendant] = []
        """Removed by a reload while files of theirs were in work."""
        self._unstarted: list[Attendant] = []
        """There was no thread for them."""
        self._hanging: set[str] = set()

    def open(self) -> None:
        """Begin with all of them, and wait until each serves, or has said why not, or hangs.

        Raise OcrspoolError or OSError where none can begin for a reason that does not pass by itself.
        """
        for name, inbox in self._config.inbox.items():
            self._add(name, inbox, self._config.profile_of(name))
        for attendant in self._attendants:
            self._on_stage(f"recovering inbox {attendant.name}")
            while attendant not in self._unstarted and not attendant.tried.wait(_LOOK_SECONDS):
                if attendant.steps.hangs_since() is not None:
                    break
        if self._attendants and not any(attendant.begun for attendant in self._attendants):
            _refuse_to_start([attendant.error for attendant in self._attendants])

    def grant(self, total: int) -> None:
        """Give the free slots, of so many in all, to the inboxes in turn.

        Of several inboxes none has all slots: another one that gets a file finds one free, whatever the first does.
        """
        everyone = self._everyone()
        free = total - sum(attendant.slots() for attendant in everyone)
        share = total if len(self._attendants) == 1 else max(1, total - 1)
        while free > 0:
            attendant = next((each for each in everyone if each.wants() and each.slots() < share), None)
            if attendant is None:
                return
            attendant.grant()
            free -= 1
            self._to_the_end(attendant)
            everyone.remove(attendant)
            everyone.append(attendant)

    def wanting(self) -> bool:
        """Tell whether any inbox could use a slot."""
        return any(attendant.wants() for attendant in self._everyone())

    def look(self) -> None:
        """See whose disk does not answer, and who can leave."""
        for attendant in self._everyone():
            if attendant.steps.slow():
                self._on_slow(attendant.name)
            self._tell_of_hanging(attendant)
        for attendant in [attendant for attendant in self._leaving if not len(attendant.in_work)]:
            self._leaving.remove(attendant)
            attendant.end()
        for attendant in self._unstarted[:]:
            if self._around.shortage.over():
                self._unstarted.remove(attendant)
                self._start(attendant)

    def next_look_in(self) -> float:
        """Return after how many seconds `look` is due, if nothing happens before."""
        if self._unstarted or any(attendant.steps.going_on() for attendant in self._everyone()):
            return _LOOK_SECONDS
        return float("inf")

    def running(self) -> int:
        """Return how many jobs run."""
        return sum(attendant.in_work.running for attendant in self._everyone())

    def in_work(self) -> int:
        """Return how many jobs have been claimed and have not ended; some may wait for their disks."""
        return sum(len(attendant.in_work) for attendant in self._everyone())

    def waiting(self) -> int:
        """Return how many files could be claimed, as far as the last scans know."""
        return sum(attendant.waiting() for attendant in self._attendants)

    def queues(self) -> dict[str, dict[str, Any]]:
        """Return the queue of each inbox by its name."""
        return {attendant.name: attendant.queue() for attendant in self._by_name()}

    def standings(self) -> dict[str, dict[str, Any]]:
        """Return how each inbox is, by its name (see Attendant.standing)."""
        return {attendant.name: attendant.standing() for attendant in self._by_name()}

    def lack(self) -> str:
        """Return why an inbox has nothing claimed from it; "" where there is room for all."""
        return next((lack for attendant in self._attendants if (lack := attendant.lack())), "")

    def overflows(self) -> int:
        """Return how often the kernel has lost events: each loss is seen by all."""
        return max((attendant.overflows() for attendant in self._attendants), default=0)

    def alive(self) -> bool:
        """Tell whether the threads of all inboxes are there. One whose disk hangs is."""
        return all(attendant in self._unstarted or attendant.alive() for attendant in list(self._attendants))

    def change(self) -> None:
        """Make them those of the configuration. Files in work go on, also of inboxes that are removed."""
        for attendant in [each for each in self._attendants if each.name not in self._config.inbox]:
            self._attendants.remove(attendant)
            attendant.leave()
            self._leaving.append(attendant)
            _log.info("inbox %s is no longer watched", attendant.name)
        self.look()
        for name, inbox in self._config.inbox.items():
            profile = self._config.profile_of(name)
            known = next((attendant for attendant in self._attendants if attendant.name == name), None)
            if known is None:
                self._add(name, inbox, profile)
            elif (inbox, profile) != (known.inbox, known.profile):
                known.change(inbox, profile)
                _log.info("inbox %s has new settings", name)

    def close(self) -> bool:
        """Let go of all. Tell whether each could; one whose disk hangs ends with the process."""
        deadline = time.monotonic() + _CLOSE_SECONDS
        everyone = self._everyone()
        for attendant in everyone:
            attendant.in_work.wait_ended(deadline - time.monotonic())
        for attendant in everyone:
            attendant.end()
        left = [attendant.name for attendant in everyone if not attendant.ended(deadline - time.monotonic())]
        for name in left:
            _log.error("inbox %s: its disk does not answer; the process ends when the kernel lets go of it", name)
        return not left and not self.running()

    def _add(self, name: str, inbox: Inbox, profile: Profile) -> None:
        """Have an inbox at work: a new one, or one removed a moment ago that has files in work still."""
        for attendant in self._leaving:
            if attendant.name == name and attendant.inbox.folder("work") == inbox.folder("work"):
                self._leaving.remove(attendant)
                attendant.change(inbox, profile)
                self._attendants.append(attendant)
                return
        attendant = Attendant(name, inbox, profile, self._around)
        self._attendants.append(attendant)
        self._start(attendant)

    def _start(self, attendant: Attendant) -> None:
        try:
            attendant.start()
        except RuntimeError as problem:  # "can't start new thread"
            self._around.shortage.note(problem)
            self._unstarted.append(attendant)

    def _to_the_end(self, attendant: Attendant) -> None:
        """Let the others be first the next time."""
        if attendant in self._attendants:
            self._attendants.remove(attendant)
            self._attendants.append(attendant)

    def _tell_of_hanging(self, attendant: Attendant) -> None:
        name, hangs = attendant.name, attendant.steps.hangs_since() is not None
        if hangs and name not in self._hanging:
            self._hanging.add(name)
            told = {"event": "disk-hangs"}
            _log.error("inbox %s: its disk does not answer; the other inboxes go on", name, extra=told)
        elif not hangs and name in self._hanging:
            self._hanging.remove(name)
            _log.info("inbox %s: its disk answers again", name, extra={"event": "inbox-serves"})

    def _everyone(self) -> list[Attendant]:
        return self._attendants + self._leaving

    def _by_name(self) -> list[Attendant]:
        return sorted(self._attendants, key=lambda attendant: attendant.name)

    @property
    def _config(self) -> Config:
        return self._around.live.config


def _refuse_to_start(errors: list[OSError | OcrspoolError | None]) -> None:
    """Raise what keeps all inboxes from beginning, unless one of it passes by itself: a full disk, one that hangs."""
    problems: list[str] = []
    for error in errors:
        if error is None or (isinstance(error, OSError) and not is_of_people(error)):
            return
        problems += error.problems if isinstance(error, ConfigError) else [in_words(error)]
    if any(isinstance(error, ConfigError) for error in errors):
        raise ConfigError(problems)
    if errors[0] is not None:
        raise errors[0]
