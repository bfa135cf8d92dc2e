"""A disk or a share that fails when a document is read: the document waits, and is read when that is over."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import drawn_pages, sample_files, worker_replacement
from support.daemon_process import Daemon
from support.hanging_share import HangingShare, hanging_share
from support.waiting import wait_until

pytestmark = [pytest.mark.timeout(120)]


@pytest.fixture
def share(tmp_path: Path) -> Iterator[HangingShare]:
    """A share whose server can fail."""
    with hanging_share(tmp_path / "share") as made:
        yield made


@pytest.mark.parametrize(("what", "code"), [("read", errno.EIO), ("read", errno.ESTALE)])
def test_documents_wait_for_a_disk_that_fails(tmp_path: Path, share: HangingShare, what: str, code: int) -> None:
    """A picture, a PDF (which is mapped) and a TIFF (which a library reads by itself): none of them fails."""
    inbox = f"[inbox.default]\nroot = '{share.folder}/spool'\nsettle_seconds = 0.2\npoll_seconds = 0.2\n"
    daemon = Daemon(tmp_path / "d", tmp_path / "cache", inbox, "[limits]\nfree_disk_mb = 0\n")
    daemon.wrapper = worker_replacement.wrapper(tmp_path, "support.instant_worker")
    documents = {
        "a.png": drawn_pages.png("Number"),
        "b.pdf": sample_files.pdf(2, width=90, height=40),
        "c.tif": sample_files.tiff(sample_files.words("Alpha", (150, 56))),
    }
    try:
        daemon.start()
        share.fail(what, code)
        for name, data in documents.items():
            (tmp_path / name).write_bytes(data)
            (share.folder / "spool" / "inbox" / f"{name}.part").write_bytes(data)
            (share.folder / "spool" / "inbox" / f"{name}.part").rename(share.folder / "spool" / "inbox" / name)
        wait_until(lambda: "waits in work/" in daemon.log(), 60)
        assert not any((share.folder / "spool" / "failed").iterdir())
        share.thaw()
        outbox = share.folder / "spool" / "outbox"
        wait_until(lambda: all((outbox / f"{name}.json").exists() for name in documents), 60)
        assert not any((share.folder / "spool" / "failed").iterdir())
    finally:
        share.thaw()
        daemon.close()
