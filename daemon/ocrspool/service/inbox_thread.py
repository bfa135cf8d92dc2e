"""One inbox as the main thread sees it: an inbox that has a thread of its own (inbox_loop.py).

The main thread never touches a spool, because a disk that does not answer holds whoever asks it. So it talks with the
threads of inboxes: it grants slots, gives orders (other settings, leave), and reads what they say of themselves.

    main thread → thread of an inbox: grant, change, leave, end
    thread of an inbox → main thread: how many files wait, why nothing comes, since when its disk does not answer

An inbox that cannot begin (no access, a full disk, a missing folder) says why, waits, and is tried again.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Literal

from ocrspool.config.schema import Inbox, Profile
from ocrspool.files import names
from ocrspool.observability.snapshot import InboxStatus, Queue
from ocrspool.service.inbox_loop import InboxLoop
from ocrspool.service.shared_resources import SharedResources
from ocrspool.spool.failure_reason import FailedFiles


class InboxThread:
    """One inbox and its thread. All of this is for the main thread."""

    def __init__(self, name: str, inbox: Inbox, profile: Profile, shared: SharedResources) -> None:
        self.name, self.inbox, self.profile = name, inbox, profile
        self._shared = shared
        self._loop = InboxLoop(name, inbox, profile, shared)
        self._thread = threading.Thread(target=self._loop.run, name=f"inbox-{name}", daemon=True)
        self._clock = time.time() - time.monotonic()
        self.steps = self._loop.steps
        self.active_jobs = self._loop.active_jobs
        self.beginning = self._loop.beginning

    def start(self) -> None:
        """Begin. Raise RuntimeError where there is no thread for it."""
        self._loop.intake.start()
        self._thread.start()

    def wants(self) -> int:
        """Return how many slots it could use beside those that it has."""
        return self._loop.wants()

    def grant(self) -> None:
        """Let it begin one job more."""
        self.active_jobs.grant()
        self._loop.wake.set()

    def slots(self) -> int:
        """Return how many slots it takes from the others: none while its disk keeps its jobs waiting."""
        return 0 if self.steps.slow() else self.active_jobs.slots()

    def change(self, inbox: Inbox, profile: Profile) -> None:
        """Go on with other settings of the same folders; come back if it was leaving."""
        self.inbox, self.profile, self._loop.leaving = inbox, profile, False
        self._loop.order(partial(self._loop.change, inbox, profile))

    def leave(self) -> None:
        """Claim nothing more; what is in work goes on."""
        self._loop.leaving = True
        self._loop.order(self._loop.rest)

    def end(self) -> None:
        """Let go of the spool as soon as the disk allows, and end the thread."""
        self._loop.ending = True
        self._loop.wake.set()

    def ended(self, seconds: float) -> bool:
        """Wait for the thread, at most so long. Tell whether it has ended."""
        if self._thread.ident is not None:
            self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def alive(self) -> bool:
        """Tell whether the thread and those that bring it events are there."""
        return self._loop.intake.alive() and (self._thread.is_alive() or self._loop.ending)

    def queue(self) -> Queue:
        """Return what waits, as far as the last scan knows."""
        return self._loop.intake.queue()

    def failed(self) -> FailedFiles | None:
        """Return what lay in failed/ at the last look; None before the first one."""
        return self._loop.failed

    def shortage_reason(self) -> str:
        """Return what its disk has too little of; "" where there is enough."""
        return self._loop.intake.room.shortage_reason

    def overflows(self) -> int:
        """Return how often the kernel has lost events, of any inbox."""
        return self._loop.intake.overflows()

    def standing(self) -> InboxStatus:
        """Return how the inbox is."""
        since, room = self.steps.hangs_since(), self._loop.intake.room
        reason = self._cannot_serve()
        state: Literal["serves", "waits", "hangs"] = "hangs" if since is not None else "waits" if reason else "serves"
        if since is not None:
            reason = f"the disk of {self._loop.intake.folders['work'].parent} or of its outbox does not answer"
        failed = self._loop.failed
        return InboxStatus(
            state=state,
            reason=names.printable(reason or self.active_jobs.problem() or room.shortage_reason),
            since=None if since is None else round(since + self._clock),
            stalled=self.active_jobs.waiting(),
            failed_files=None if failed is None else failed.count,
            free_bytes=room.free_bytes,
        )

    def _cannot_serve(self) -> str:
        if not self.beginning.begun:
            return self.beginning.reason()
        if self.active_jobs.waiting() >= self._shared.most:  # which is as many as it may claim
            return self.active_jobs.problem()
        return self._loop.intake.unreadable() or self._loop.trouble
