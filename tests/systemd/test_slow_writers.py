"""Programs of a user that write slowly, beside the installed service, which has no rights on the files of others."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import drawn_pages, sample_files
from support.drawn_pages import says
from support.lab_machine import SCANNER, SPOOL, Machine, as_user
from support.waiting import wait_until

_SLOW = SPOOL.with_name("slow")
_WORDS = ("The first sheet", "The second sheet", "The third sheet", "The fourth sheet")
_SHEETS = [drawn_pages.page(words) for words in _WORDS]
_SO_FAR = [sample_files.tiff(*_SHEETS[:count]) for count in range(1, 5)]
"""What a file holds after each sheet; each is a whole TIFF image."""
_PDF = sample_files.encoded(_SHEETS[0].convert("RGB"), "PDF", resolution=144)

_WRITER = """
import os, sys, time
how, pause, name, *contents = sys.argv[1:]
os.umask(0o027)
out = -1
for number, content in enumerate(contents):
    if number:
        time.sleep(float(pause))
    if out < 0:
        out = os.open(name, os.O_CREAT | os.O_WRONLY)
    with open(content, "rb") as file:
        os.pwrite(out, file.read(), 0)
    if how == "close":
        os.close(out)
        out = -1
"""


@pytest.fixture
def contents() -> Iterator[Path]:
    """A folder that everybody may read, for what the writers write."""
    folder = Path("/var/spool/contents")
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


class Writer:
    """A process of the user, which writes to one file after each pause."""

    def __init__(self, contents: Path, how: str, pause: float, target: Path, *versions: bytes) -> None:
        paths = [contents / f"{target.name}-{number}" for number in range(len(versions))]
        for path, data in zip(paths, versions, strict=True):
            path.write_bytes(data)
        user = pwd.getpwnam(SCANNER)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, how, str(pause), target, *paths],
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=os.getgrouplist(SCANNER, user.pw_gid),
        )

    def end(self) -> None:
        """Wait until it has written everything."""
        assert self._process.wait(60) == 0


def test_files_that_are_written_slowly(machine: Machine, contents: Path) -> None:
    """Kept open between the sheets, in the middle of a PDF, or empty at first: each is read whole, and once.

    One that is closed after each sheet is taken for whole when the settle time is over; so that is longer where a
    scanner does so.
    """
    machine.configure(f'[inbox.slow]\nroot = "{_SLOW}"\nsettle_seconds = 10\n')
    machine.start()
    wait_until((_SLOW / "inbox").is_dir)
    before = time.time()
    inbox = SPOOL / "inbox"
    writers = [
        Writer(contents, "hold", 5, inbox / "sheets.tif", *_SO_FAR),
        Writer(contents, "hold", 5, inbox / "half.pdf", _PDF[: len(_PDF) // 2], _PDF),
        Writer(contents, "hold", 8, inbox / "empty.png", b"", drawn_pages.png("Not empty")),
        Writer(contents, "close", 4, _SLOW / "inbox/appended.tif", *_SO_FAR),
    ]
    for writer in writers:
        writer.end()
    found = machine.wait_for(["sheets.tif", "half.pdf", "empty.png"])
    assert [says(found["sheets.tif"], words, number) for number, words in enumerate(_WORDS, 1)] == [True] * 4
    assert says(found["half.pdf"], _WORDS[0])
    assert says(found["empty.png"], "Not empty")
    appended = machine.wait_for(["appended.tif"], _SLOW)["appended.tif"]
    assert [says(appended, words, number) for number, words in enumerate(_WORDS, 1)] == [True] * 4
    said = machine.journal(before)
    assert "sheets.tif is still open for writing and waits" in said
    assert said.count("claimed ") == 4
    audit = as_user("ocrspool", "ocrspool", "status", "--audit")
    assert audit.returncode == 0, audit.stdout
