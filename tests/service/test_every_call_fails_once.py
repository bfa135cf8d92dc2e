"""A share on which one call fails: whichever it is, a document is not taken for damaged, and has one result."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocrspool.decoding.child.document import Document
from ocrspool.decoding.child.page import PageLimits
from ocrspool.errors import DocumentError
from ocrspool.spool.jobs import Job
from ocrspool.spool.spool import Spool
from support import drawn_pages, sample_files
from support.hanging_share import HangingShare, hanging_share
from support.sample_results import rendered, result_of
from support.sample_spools import spool_in, take

CODES = [errno.ESTALE, errno.EIO]
LIMITS = PageLimits(dpi=150, pages=10, megapixels=100, side=10_000)
MOST = 120
"""Calls, at most, that a step makes on the share."""


@pytest.fixture
def share(tmp_path: Path) -> Iterator[HangingShare]:
    """A share whose server can fail."""
    with hanging_share(tmp_path / "share") as made:
        yield made


DOCUMENTS = {
    "a.pdf": sample_files.pdf(2, width=90, height=40),
    "a.png": drawn_pages.png("Number"),
    "a.tif": sample_files.tiff(sample_files.words("Alpha", (150, 56))),
}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_document_is_taken_for_damaged(share: HangingShare, name: str, code: int) -> None:
    """The calls are those of a decoder, which has the file open."""
    (share.folder / name).write_bytes(DOCUMENTS[name])
    for every in range(1, 12):
        descriptor = os.open(share.folder / name, os.O_RDONLY)
        share.fail("all", code, every)
        kind = ""
        try:
            with contextlib.closing(Document(descriptor, LIMITS)) as document:
                image, _ = document.page(0)
                os.close(image.fd)
        except DocumentError as error:
            kind = error.kind
        finally:
            share.thaw()
        assert kind in {"", "io"}, f"one call in {every}"


def test_a_delivery_is_repeated_under_the_same_name(share: HangingShare) -> None:
    """The disk stops a delivery at any call; and at any call again, after the result had appeared the first time."""
    late = [first for first in range(1, MOST) if deliver(share, first) == (True, True)]
    again = [deliver(share, late[0], second) for second in range(1, MOST)]
    assert any(stopped for stopped, _ in again)


def test_a_job_that_the_disk_does_not_give_is_looked_at_again(share: HangingShare) -> None:
    """It does not wait in work/ for the next start of the service."""
    spool = spool_in(share.folder / "spool")
    spool.open()
    job = spool.begin(take(spool, "a.png", b"content"))
    left = 0
    for number in range(1, MOST):
        with failing(share, number):
            spool.recover()
        if spool.has_left():
            left += 1
            # An inbox that is opened once more begins anew. What that has found must not be looked at once more.
            found = spool.recover() if left % 2 else spool.recover_again([])
            assert [each.id for each in found] == [job.id]
        assert not spool.has_left()
        assert job.source.read_bytes() == b"content"
    assert left > 1
    spool.close()


def deliver(share: HangingShare, first: int, second: int = 0) -> tuple[bool, bool]:
    """Deliver a result while each call of such a number fails, and look at what comes of it in the end.

    Return whether the last delivery was stopped, and whether the result was there after the first one.
    """
    spool = spool_in(share.folder / f"{first}-{second}")
    spool.open()
    job = take(spool, "a.png", b"content")
    with failing(share, first) as stopped:
        spool.deliver(job, rendered(result_of(job)))
    appeared = (spool.outbox / "a.png.json").exists()
    if second:
        with failing(share, second) as stopped:
            go_on(spool, spool.recover())
    go_on(spool, spool.recover())
    results = [path.name for path in spool.outbox.iterdir() if path.is_file()]
    assert results == ["a.png.json"], f"calls {first}, {second}"
    assert [path.read_bytes() for path in spool.done.iterdir()] == [b"content"], f"calls {first}, {second}"
    spool.close()
    return bool(stopped), appeared


@contextlib.contextmanager
def failing(share: HangingShare, every: int) -> Iterator[list[OSError]]:
    """Let calls fail within the block. What is yielded then has the error that has ended it, if there was one."""
    stopped: list[OSError] = []
    share.fail("all", errno.EIO, every)
    try:
        yield stopped
    except OSError as error:
        stopped.append(error)
    finally:
        share.thaw()


def go_on(spool: Spool, jobs: list[Job]) -> None:
    """Read what is left, as the service does."""
    for job in jobs:
        if spool.jobs.has(job.id):
            spool.deliver(job, rendered(result_of(job)))
