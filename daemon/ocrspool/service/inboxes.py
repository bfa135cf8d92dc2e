"""All inboxes of the configuration, as the main thread sees them: it grants slots, reloads, and notices hanging disks.

Nothing here touches a spool: each inbox has a thread that does (inbox_thread.py).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from ocrspool.config.schema import Config, Inbox, Profile
from ocrspool.errors import ConfigError, OcrspoolError
from ocrspool.files.faults import is_of_people
from ocrspool.observability.snapshot import InboxStatus, Queue
from ocrspool.results.reason import Failure
from ocrspool.service.beginning import in_words
from ocrspool.service.inbox_thread import InboxThread
from ocrspool.service.shared_resources import SharedResources

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
"""While a step on a disk goes on, the main loop checks this often how long it takes."""
_CLOSE_SECONDS = 5.0
"""How long the end waits for the threads of inboxes to release their spools. One whose disk hangs never does."""


class Inboxes:
    """The inboxes that serve, and those that a reload has removed and that still have jobs."""

    def __init__(
        self, around: SharedResources, on_stage: Callable[[str], None], on_slow: Callable[[str], None]
    ) -> None:
        self._around = around
        self._on_stage = on_stage
        self._on_slow = on_slow
        """Is called, again and again, with the name of an inbox whose disk keeps its jobs waiting."""
        self._inbox_threads: list[InboxThread] = []
        self._leaving: list[InboxThread] = []
        """A reload has removed them while they had files in work."""
        self._unstarted: list[InboxThread] = []
        """There was no thread for them."""
        self._hanging: set[str] = set()

    def open(self) -> None:
        """Start all of them, and wait until each serves, or has said why it does not, or hangs.

        Raise OcrspoolError or OSError where none can begin for a reason that does not pass by itself.
        """
        for name, inbox in self._config.inbox.items():
            self._add(name, inbox, self._config.profile_of(name))
        for inbox_thread in self._inbox_threads:
            self._on_stage(f"recovering inbox {inbox_thread.name}")
            while inbox_thread not in self._unstarted and not inbox_thread.beginning.tried.wait(_LOOK_SECONDS):
                if inbox_thread.steps.hangs_since() is not None:
                    break
        if self._inbox_threads and not any(inbox_thread.beginning.begun for inbox_thread in self._inbox_threads):
            _refuse_to_start([inbox_thread.beginning.error for inbox_thread in self._inbox_threads])

    def grant(self, total: int) -> bool:
        """Give the free slots, of so many in all, to the inboxes in turn. Tell whether none is left.

        Of several inboxes none has all slots: another one that gets a file finds one free, whatever the first does.
        """
        everyone = self._everyone()
        free = total - sum(inbox_thread.slots() for inbox_thread in everyone)
        share = total if len(self._inbox_threads) == 1 else max(1, total - 1)
        while free > 0:
            inbox_thread = next((each for each in everyone if each.wants() and each.slots() < share), None)
            if inbox_thread is None:
                return False
            inbox_thread.grant()
            free -= 1
            self._to_the_end(inbox_thread)
            everyone.remove(inbox_thread)
            everyone.append(inbox_thread)
        return True

    def wanting(self) -> bool:
        """Tell whether any inbox could use a slot."""
        return any(inbox_thread.wants() for inbox_thread in self._everyone())

    def look(self) -> None:
        """Find the inboxes whose disks do not answer, and those that can leave."""
        for inbox_thread in self._everyone():
            if inbox_thread.steps.slow():
                self._on_slow(inbox_thread.name)
            self._tell_of_hanging(inbox_thread)
        for inbox_thread in [inbox_thread for inbox_thread in self._leaving if not len(inbox_thread.active_jobs)]:
            self._leaving.remove(inbox_thread)
            inbox_thread.end()
        for inbox_thread in self._unstarted[:]:
            if self._around.shortage.over():
                self._unstarted.remove(inbox_thread)
                self._start(inbox_thread)

    def next_look_in(self) -> float:
        """Return after how many seconds `look` is due, if nothing happens before."""
        if self._unstarted or any(inbox_thread.steps.going_on() for inbox_thread in self._everyone()):
            return _LOOK_SECONDS
        return float("inf")

    def running(self) -> int:
        """Return how many jobs run."""
        return sum(inbox_thread.active_jobs.running for inbox_thread in self._everyone())

    def in_work(self) -> int:
        """Return how many jobs have been claimed and have not ended; some may wait for their disks."""
        return sum(len(inbox_thread.active_jobs) for inbox_thread in self._everyone())

    def failures(self) -> list[Failure]:
        """Return the files that failed last in each inbox and lie in failed/, as of the last look."""
        looked = [inbox_thread.failed() for inbox_thread in self._by_name()]
        return [failure for failed in looked if failed is not None for failure in failed.newest]

    def queues(self) -> dict[str, Queue]:
        """Return the queue of each inbox by its name."""
        return {inbox_thread.name: inbox_thread.queue() for inbox_thread in self._by_name()}

    def standings(self) -> dict[str, InboxStatus]:
        """Return how each inbox is, by its name."""
        return {inbox_thread.name: inbox_thread.standing() for inbox_thread in self._by_name()}

    def shortage_reason(self) -> str:
        """Return why an inbox has nothing claimed from it; "" where there is room for all."""
        return next((lack for inbox_thread in self._inbox_threads if (lack := inbox_thread.shortage_reason())), "")

    def overflows(self) -> int:
        """Return how often the kernel has lost events. Every inbox sees each loss."""
        return max((inbox_thread.overflows() for inbox_thread in self._inbox_threads), default=0)

    def alive(self) -> bool:
        """Tell whether the threads of all inboxes are there. One whose disk hangs is."""
        return all(
            inbox_thread in self._unstarted or inbox_thread.alive() for inbox_thread in list(self._inbox_threads)
        )

    def change(self) -> None:
        """Use the inboxes of the configuration. Files in work go on, also those of inboxes that are removed."""
        for inbox_thread in [each for each in self._inbox_threads if each.name not in self._config.inbox]:
            self._inbox_threads.remove(inbox_thread)
            inbox_thread.leave()
            self._leaving.append(inbox_thread)
            _log.info("inbox %s is no longer watched", inbox_thread.name)
        self.look()
        for name, inbox in self._config.inbox.items():
            profile = self._config.profile_of(name)
            known = next((inbox_thread for inbox_thread in self._inbox_threads if inbox_thread.name == name), None)
            if known is None:
                self._add(name, inbox, profile)
            elif (inbox, profile) != (known.inbox, known.profile):
                known.change(inbox, profile)
                _log.info("inbox %s has new settings", name)

    def close(self) -> bool:
        """Release all spools. Tell whether each could be released. One whose disk hangs ends with the process."""
        deadline = time.monotonic() + _CLOSE_SECONDS
        everyone = self._everyone()
        for inbox_thread in everyone:
            inbox_thread.active_jobs.wait_ended(deadline - time.monotonic())
        for inbox_thread in everyone:
            inbox_thread.end()
        left = [inbox_thread.name for inbox_thread in everyone if not inbox_thread.ended(deadline - time.monotonic())]
        for name in left:
            _log.error("inbox %s: its disk does not answer; the process ends when the kernel lets go of it", name)
        return not left and not self.running()

    def _add(self, name: str, inbox: Inbox, profile: Profile) -> None:
        """Start an inbox: a new one, or one that was removed a moment ago and still has files in work."""
        for inbox_thread in self._leaving:
            if inbox_thread.name == name and inbox_thread.inbox.folder("work") == inbox.folder("work"):
                self._leaving.remove(inbox_thread)
                inbox_thread.change(inbox, profile)
                self._inbox_threads.append(inbox_thread)
                return
        inbox_thread = InboxThread(name, inbox, profile, self._around)
        self._inbox_threads.append(inbox_thread)
        self._start(inbox_thread)

    def _start(self, inbox_thread: InboxThread) -> None:
        try:
            inbox_thread.start()
        except RuntimeError as problem:  # "can't start new thread"
            self._around.shortage.note(problem)
            self._unstarted.append(inbox_thread)

    def _to_the_end(self, inbox_thread: InboxThread) -> None:
        """Let the other inboxes be first the next time."""
        if inbox_thread in self._inbox_threads:
            self._inbox_threads.remove(inbox_thread)
            self._inbox_threads.append(inbox_thread)

    def _tell_of_hanging(self, inbox_thread: InboxThread) -> None:
        name, hangs = inbox_thread.name, inbox_thread.steps.hangs_since() is not None
        if hangs and name not in self._hanging:
            self._hanging.add(name)
            told = {"event": "disk-hangs"}
            _log.error("inbox %s: its disk does not answer; the other inboxes go on", name, extra=told)
        elif not hangs and name in self._hanging:
            self._hanging.remove(name)
            _log.info("inbox %s: its disk answers again", name, extra={"event": "inbox-serves"})

    def _everyone(self) -> list[InboxThread]:
        return self._inbox_threads + self._leaving

    def _by_name(self) -> list[InboxThread]:
        return sorted(self._inbox_threads, key=lambda inbox_thread: inbox_thread.name)

    @property
    def _config(self) -> Config:
        return self._around.live.config


def _refuse_to_start(errors: list[OSError | OcrspoolError | None]) -> None:
    """Raise the reason why no inbox can begin, unless a reason can end by itself: a full or a hanging disk."""
    problems: list[str] = []
    for error in errors:
        if error is None or (isinstance(error, OSError) and not is_of_people(error)):
            return
        problems += error.problems if isinstance(error, ConfigError) else [in_words(error)]
    if any(isinstance(error, ConfigError) for error in errors):
        raise ConfigError(problems)
    if errors[0] is not None:
        raise errors[0]
