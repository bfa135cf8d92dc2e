"""Files that people drop and the service may not take: counted as such while they wait, and claimed once it may."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from ocrspool.config.schema import Inbox, Profile
from ocrspool.intake.inbox import InboxIntake
from ocrspool.intake.watcher import Watch
from ocrspool.processes.wakeup import WakeupEvent
from support.forked_code import NOBODY, as_nobody, needs_root


@pytest.fixture
def inbox(open_folder: Path) -> Path:
    """The inbox of a service that runs as nobody; in it are what another user dropped with the usual umask."""
    needs_root()
    os.chown(open_folder, NOBODY, NOBODY)
    folder = open_folder / "inbox"
    folder.mkdir(0o2775)
    os.chown(folder, NOBODY, NOBODY)
    for name in ("well.png", "sub/a.png", "sub/b.png", "closed/c.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (1e9, 1e9))
    (folder / "closed").chmod(0o700)
    return folder


def seen_by_service(root: Path) -> dict[str, Any]:
    """Scan and claim all that can be claimed; the claimed names, and the queue before and after."""
    watch = Watch(WakeupEvent())
    watch.start()
    settings = {"root": root, "settle_seconds": 0, "writer_seconds": 0, "incomplete_seconds": 0, "poll_seconds": 0.1}
    intake = InboxIntake("a", Inbox.model_validate(settings), Profile(), watch)
    intake.open()
    intake.scan_if_due()
    before = asdict(intake.queue())
    claimed = [job.name for job in iter(intake.claim, None)]
    after = asdict(intake.queue())
    deadline = time.monotonic() + 20
    while after["unclaimable"] and intake.waiting() == 0 and time.monotonic() < deadline:
        intake.scan_if_due()
    again = asdict(intake.queue())
    intake.close()
    watch.stop()
    return {"claimed": claimed, "before": before, "after": after, "again": again}


def test_they_are_counted_with_the_reason(inbox: Path) -> None:
    """The one that can be taken is; the others are no files that wait, and the oldest of them is as old as it is."""
    found = as_nobody(lambda: seen_by_service(inbox.parent))
    assert found["claimed"] == ["well.png"]
    after = found["after"]
    assert (after["waiting"], after["unclaimable"]) == (0, 3)
    reasons = "sub/a.png: Permission denied; the service has to have write permission for its folder"
    assert after["unclaimable_reason"] == reasons
    assert abs(after["oldest"] - (inbox / "sub/a.png").stat().st_ctime) < 1
    assert found["again"] == after, (
        "a scan that lets them be tried again does not count them as files that can be taken"
    )
    assert found["before"]["unclaimable"] == 1, "before the first try only the closed folder is known"


def test_they_are_claimed_once_that_is_allowed(inbox: Path) -> None:
    """A chmod, or a default ACL, is all that it takes."""
    (inbox / "sub").chmod(0o777)
    (inbox / "closed").chmod(0o777)
    found = as_nobody(lambda: seen_by_service(inbox.parent))
    assert sorted(found["claimed"]) == ["closed/c.png", "sub/a.png", "sub/b.png", "well.png"]
    assert (found["after"]["unclaimable"], found["after"]["oldest"]) == (0, None)
