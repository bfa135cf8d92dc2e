"""One inbox at work: recovered jobs first, then the oldest settled file, and nothing twice."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocrspool.config.schema import Inbox, Profile
from ocrspool.intake.inbox import InboxIntake
from ocrspool.intake.watcher import Watch
from ocrspool.processes.wakeup import WakeupEvent
from support.waiting import wait_until

NewIntake = Callable[..., InboxIntake]


@pytest.fixture
def new_intake(tmp_path: Path, wake: WakeupEvent) -> Iterator[NewIntake]:
    """Opens the same inbox, as often as it was closed before."""
    watch = Watch(wake)
    watch.start()
    opened: list[InboxIntake] = []

    def make(**settings: object) -> InboxIntake:
        # Nothing is waited for: tests that do not wait for events look before it is heard that a file was closed.
        impatient = {"settle_seconds": 0, "writer_seconds": 0, "incomplete_seconds": 0}
        inbox = Inbox.model_validate({"root": tmp_path, **impatient, **settings})
        opened.append(InboxIntake("scans", inbox, Profile(), watch))
        opened[-1].open()
        return opened[-1]

    yield make
    for intake in opened:
        intake.close()
    watch.stop()


def put(intake: InboxIntake, name: str, age: int = 0) -> None:
    """Write a file of a certain age."""
    path = intake.spool.inbox / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(name.encode("utf-8", "surrogateescape"))
    os.utime(path, (1e9 - age, 1e9 - age))


def claimed(intake: InboxIntake) -> list[str]:
    """Claim all there is to claim after a scan that is due; return the names."""
    intake.scan_if_due()
    return [job.name for job in iter(intake.claim, None)]


def test_oldest_first_and_only_once(new_intake: NewIntake) -> None:
    """Files are claimed in the order of their age, and a claimed one never again."""
    intake = new_intake()
    for age, name in enumerate(("c.png", "sub/b.png", "a.png")):
        put(intake, name, age)
    intake.scan_if_due()
    assert intake.waiting() == 3
    assert claimed(intake) == ["a.png", "sub/b.png", "c.png"]
    assert intake.waiting() == 0
    assert wait_until(lambda: claimed(intake) == [])


def test_what_was_left_comes_first(new_intake: NewIntake) -> None:
    """Jobs of the last run are taken up before any new file is."""
    intake = new_intake()
    put(intake, "old.png")
    assert claimed(intake) == ["old.png"]
    intake.close()
    intake = new_intake()
    put(intake, "new.png", age=100)
    assert intake.waiting() == 1
    assert claimed(intake) == ["old.png", "new.png"]


def test_an_event_makes_a_scan_due(new_intake: NewIntake, wake: WakeupEvent) -> None:
    """A file that arrives is claimed long before the timer would look."""
    intake = new_intake(rescan_seconds=86_400)
    assert claimed(intake) == []
    put(intake, "a.png")
    assert wake.wait(30)
    assert wait_until(lambda: claimed(intake)) == ["a.png"]


def test_a_file_that_settles_makes_a_scan_due(new_intake: NewIntake) -> None:
    """The next scan is asked for when a waiting file has been quiet long enough, not a timer later."""
    intake = new_intake(rescan_seconds=86_400, settle_seconds=0.2)
    (intake.spool.inbox / "a.png").write_bytes(b"x")
    assert wait_until(lambda: claimed(intake)) == ["a.png"]


def test_polling(new_intake: NewIntake, caplog: pytest.LogCaptureFixture) -> None:
    """Without events the timer does."""
    caplog.set_level("INFO")
    intake = new_intake(watch="poll", poll_seconds=0.1)
    assert "inbox scans is polled every 0.1 s" in caplog.text
    put(intake, "a.png")
    assert wait_until(lambda: claimed(intake)) == ["a.png"]


def test_a_problem_is_logged_once(new_intake: NewIntake, caplog: pytest.LogCaptureFixture) -> None:
    """An inbox that has gone is a warning, not one at every scan."""
    intake = new_intake(watch="poll", poll_seconds=0.1)
    intake.spool.inbox.rmdir()
    wait_until(lambda: claimed(intake) or caplog.records)
    due = intake.next_scan()
    wait_until(lambda: claimed(intake) or intake.next_scan() > due)
    assert [record.getMessage() for record in caplog.records] == [
        f"inbox scans: the inbox {intake.spool.inbox} is not there"
    ]


@pytest.mark.slow
def test_an_inbox_that_goes_and_comes_back(new_intake: NewIntake, caplog: pytest.LogCaptureFixture) -> None:
    """Deleted or renamed away, then made again: said once each, and events arrive from the new folder.

    That it is polled meanwhile is said only if somebody looked at its watch while it was away.
    """
    caplog.set_level("INFO")
    intake = new_intake(poll_seconds=0.1, rescan_seconds=86_400)
    away = intake.spool.inbox.with_name("away")
    for name in ("deleted.png", "renamed.png"):
        caplog.clear()
        if name == "deleted.png":
            intake.spool.inbox.rmdir()
        else:
            intake.spool.inbox.rename(away)
        wait_until(lambda: claimed(intake) or "is not there" in caplog.text)
        intake.spool.inbox.mkdir()
        wait_until(lambda: claimed(intake) or "inbox scans can be read again" in caplog.text)
        wait_until(lambda: claimed(intake) or intake._watch.is_watching(intake.spool.inbox))
        assert caplog.text.count("is not there") == 1
        put(intake, name)
        assert wait_until(lambda: claimed(intake)) == [name]


def test_an_inbox_that_could_not_be_read_is_looked_at_again_soon(
    new_intake: NewIntake, caplog: pytest.LogCaptureFixture
) -> None:
    """No event tells that it can be read again, and the timer of an inbox with events is slow."""
    intake = new_intake(poll_seconds=0.1, rescan_seconds=86_400)
    assert claimed(intake) == []
    put(intake, "a.png")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        wait_until(lambda: claimed(intake) or "Too many open files" in caplog.text)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert wait_until(lambda: claimed(intake)) == ["a.png"]


def test_other_settings_for_the_same_folders(new_intake: NewIntake, tmp_path: Path) -> None:
    """After a change of the patterns the next scan follows the new ones, and events still arrive."""
    intake = new_intake(include=["*.png"], rescan_seconds=86_400)
    put(intake, "a.pdf")
    assert claimed(intake) == []
    inbox = Inbox(root=tmp_path, settle_seconds=0, include=("*.pdf",), after="delete", rescan_seconds=86_400)
    intake.change(inbox, Profile())
    assert intake.spool.delivery.delete
    assert wait_until(lambda: claimed(intake)) == ["a.pdf"]
    put(intake, "b.pdf")
    assert wait_until(lambda: claimed(intake)) == ["b.pdf"]


def test_a_file_that_is_still_written_waits(new_intake: NewIntake, caplog: pytest.LogCaptureFixture) -> None:
    """However quiet it is, until its writer closes it; that is said once, and counted."""
    caplog.set_level("INFO")
    intake = new_intake(settle_seconds=0.1, writer_seconds=600, rescan_seconds=86_400)
    with (intake.spool.inbox / "a.tif").open("xb", buffering=0) as file:
        file.write(b"sheet")
        assert wait_until(lambda: claimed(intake) or intake.queue().open) == 1
        file.write(b"another")
        wait_until(lambda: claimed(intake) or not intake.queue().open)
        assert wait_until(lambda: claimed(intake) or intake.queue().open) == 1
    assert wait_until(lambda: claimed(intake)) == ["a.tif"]
    assert wait_until(lambda: claimed(intake) or intake.queue().open == 0) is True
    assert "a.tif is still open for writing and waits" in caplog.text


def test_other_settings_while_a_file_is_written(new_intake: NewIntake, tmp_path: Path) -> None:
    """A reload forgets nobody who has a file open."""
    intake = new_intake(settle_seconds=0.1, writer_seconds=600)
    with (intake.spool.inbox / "a.tif").open("xb", buffering=0) as file:
        file.write(b"sheet")
        assert wait_until(lambda: claimed(intake) or intake.queue().open) == 1
        intake.change(Inbox(root=tmp_path, settle_seconds=0.1, after="delete"), Profile())
        due = intake.next_scan()
        assert wait_until(lambda: claimed(intake) or (intake.next_scan() > due and intake.queue().open)) == 1
    assert wait_until(lambda: claimed(intake)) == ["a.tif"]


def scanned(intake: InboxIntake) -> InboxIntake:
    """Have it scan if that is due."""
    intake.scan_if_due()
    return intake


@pytest.mark.slow
def test_a_writer_that_never_ends(new_intake: NewIntake, caplog: pytest.LogCaptureFixture) -> None:
    """Its file is taken as it is, and that is said once, however long it waits then."""
    intake = new_intake(settle_seconds=0.1, writer_seconds=0.2)
    with (intake.spool.inbox / "a.tif").open("xb", buffering=0) as file:
        file.write(b"sheet")
        wait_until(lambda: scanned(intake).waiting())
        due = intake.next_scan()
        (intake.spool.inbox / "another.tif").write_bytes(b"x")
        wait_until(lambda: scanned(intake).next_scan() > due)
        said = f"a.tif is still open for writing, but has not changed for {intake.patience.writer:g} s"
        assert caplog.text.count(said) == 1


def test_nothing_is_claimed_after_the_end(new_intake: NewIntake) -> None:
    """A closed inbox gives no more jobs; its files are there for the next start."""
    intake = new_intake()
    put(intake, "a.png")
    intake.scan_if_due()
    intake.close()
    assert intake.claim() is None
    assert claimed(new_intake()) == ["a.png"]
