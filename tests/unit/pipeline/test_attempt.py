"""What the status shows of an attempt, and what becomes of its pages when it ends early."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import datetime, timezone
from pathlib import Path

from ocrspool.config.job_options import JobOptions
from ocrspool.config.schema import Profile
from ocrspool.decoding.api import DocumentInfo
from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import PageImage, Recognized
from ocrspool.pipeline.assemble import LostPage
from ocrspool.pipeline.attempt import Attempt
from ocrspool.spool.jobs import Job
from support.stub_pages import text


def new_attempt() -> Attempt:
    return Attempt(Job("1", "scans", "sub/a.png", Path("/a.png"), attempts=2), JobOptions(Profile()))


def image(number: int) -> PageImage:
    return PageImage(number, 1, 1, 1, 1, 1, None, -1)


def test_it_shows_how_far_it_is() -> None:
    """While it waits for a decoder, when the file is open, and with each page."""
    attempt = new_attempt()
    waiting = attempt.snapshot()
    assert (waiting["path"], waiting["attempt"], waiting["since"], waiting["pages"]) == ("sub/a.png", 2, None, None)
    attempt.started = datetime(2026, 1, 1, tzinfo=timezone.utc)
    attempt.opened = DocumentInfo("application/pdf", 3, 9, "0" * 64, ())
    one, other = Future[Recognized](), Future[Recognized]()
    attempt.add(image(1), one)
    attempt.add(image(2), other)
    attempt.pages.append(LostPage(3, DocumentError("damaged", "It is.")))
    assert (attempt.snapshot()["since"], attempt.snapshot()["pages"], attempt.snapshot()["read"]) == (1767225600, 3, 1)
    one.set_result(text("x"))
    assert attempt.snapshot()["read"] == 2


def test_it_is_broken_when_a_worker_died_of_it() -> None:
    """A page that is lost, or was taken back, breaks nothing."""
    attempt = new_attempt()
    lost, taken, dead = Future[Recognized](), Future[Recognized](), Future[Recognized]()
    for number, future in enumerate((lost, taken, dead), 1):
        attempt.add(image(number), future)
    lost.set_exception(DocumentError("recognition", "It fails."))
    taken.cancel()
    assert not attempt.broken
    dead.set_exception(EngineError("killed"))
    assert attempt.broken


def test_pages_that_a_worker_has_are_not_taken_back() -> None:
    """The others are."""
    attempt = new_attempt()
    waiting, begun = Future[Recognized](), Future[Recognized]()
    begun.set_running_or_notify_cancel()
    attempt.add(image(1), waiting)
    attempt.add(image(2), begun)
    attempt.abandon()
    assert waiting.cancelled()
    assert not begun.cancelled()
