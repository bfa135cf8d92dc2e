"""Results that go to a share: a filesystem of its own, which may be full."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import drawn_pages
from support.daemon_process import NewDaemon, ocrspool
from support.drawn_pages import says
from support.waiting import wait_until

pytestmark = pytest.mark.engine


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Path]:
    """A small tmpfs, mounted for this test."""
    folder = tmp_path / "share"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False).returncode != 0:
        pytest.skip("a filesystem cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S607 - of the system


class Reader:
    """Someone who takes up whatever can be seen in an outbox, as soon as it can be."""

    def __init__(self, outbox: Path) -> None:
        self._outbox = outbox
        self._ending = threading.Event()
        self.seen: set[str] = set()
        self.halves: list[str] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        self._thread.join()

    def _read(self) -> None:
        while not self._ending.is_set():
            for path in list(self._outbox.iterdir()):
                if path.is_file() and path.name != "ballast":
                    self.seen.add(path.name)
                    try:
                        json.loads(path.read_bytes())
                    except ValueError:
                        self.halves.append(path.name)


def fill(folder: Path) -> Path:
    """Leave no room on a filesystem; what takes it all."""
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return ballast


def test_a_share_that_was_full(new_daemon: NewDaemon, share: Path) -> None:
    """A document that is read waits for room on the share, and its result appears whole."""
    inboxes = f"[inbox.default]\nroot = 'spool'\noutbox = '{share}/out'\noutbox_mode = '0604'\nsettle_seconds = 0.2\n"
    daemon = new_daemon(inboxes=inboxes)
    outbox = share / "out"
    outbox.mkdir()
    ballast = fill(outbox)
    daemon.start()
    reader = Reader(outbox)
    try:
        daemon.drop("a.png", drawn_pages.png("Worth waiting for"))
        wait_until(lambda: "No space left" in daemon.log(), 60)
        assert len(daemon.in_work()) == 1
        ballast.unlink()
        wait_until((outbox / "a.png.json").exists, 60)
        for name in ("b.png", "a.png"):  # the second replaces a result
            daemon.drop(name, drawn_pages.png("Worth waiting for"))
            daemon.idle()
    finally:
        reader.close()
    result = json.loads((outbox / "a.png.json").read_bytes())
    assert says(result, "Worth waiting for")
    assert (outbox / "a.png.json").stat().st_mode & 0o777 == 0o604
    assert reader.halves == []
    assert reader.seen == {"a.png.json", "b.png.json"}
    wait_until(lambda: daemon.log().count(" done a.png") == 2)  # said after the job's folder has gone
    audit = ocrspool("status", "--audit", "--thorough", "--config", daemon.config)
    assert audit.returncode == 0, audit.stdout
    assert "3 files, each in one place" in audit.stdout
