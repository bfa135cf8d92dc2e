"""Programs of another user that write their files slowly: a service that gets no lease on those reads them whole."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import drawn_pages, sample_files
from support.daemon_process import Daemon, ocrspool
from support.drawn_pages import says
from support.other_users import RUNS_AS_ANOTHER_USER, folder_with_cache, give, running
from support.waiting import wait_until

NOBODY = 65534
SCANNER = 65533

pytestmark = [
    pytest.mark.engine,
    *RUNS_AS_ANOTHER_USER,
]

INBOXES = """
[inbox.watched]
root = "watched"
settle_seconds = 1
incomplete_seconds = 15
[inbox.polled]
root = "polled"
watch = "poll"
poll_seconds = 0.2
settle_seconds = 0.3
"""
WORDS = ("The first sheet", "The second sheet", "The third sheet", "The fourth sheet")
SHEETS = [drawn_pages.page(words) for words in WORDS]
SO_FAR = [sample_files.tiff(*SHEETS[:count]) for count in range(1, 5)]
"""What a file holds after each sheet; each is a whole TIFF image."""
PDF = sample_files.encoded(SHEETS[0].convert("RGB"), "PDF", resolution=144)

_WRITER = """
import os, sys
out = os.open(sys.argv[1], os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
print("open", flush=True)
for line in sys.stdin:
    with open(line.rstrip(chr(10)), "rb") as content:
        os.pwrite(out, content.read(), 0)
    print("written", flush=True)
"""


@pytest.fixture(scope="module")
def daemon(engine_cache: Path) -> Iterator[Daemon]:
    """A service that runs as nobody, with folders that anybody may drop files into."""
    with folder_with_cache(engine_cache, NOBODY) as folder:
        made = Daemon(folder / "d", folder / "cache", INBOXES, user=NOBODY)
        for name in ("watched", "polled"):
            (made.root(name) / "inbox").mkdir(parents=True)
        (made.folder / "content").mkdir()
        give(made.folder, NOBODY)
        for name in ("watched", "polled"):
            (made.root(name) / "inbox").chmod(0o777)
        with running(made):
            yield made


class Writer:
    """A process of another user that has a new file open, and writes to it when it is told to."""

    def __init__(self, daemon: Daemon, inbox: str, name: str) -> None:
        self._folder = daemon.folder / "content"
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, daemon.root(inbox) / "inbox" / name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            user=SCANNER,
            group=SCANNER,
            extra_groups=[],
        )
        self._hear("open")

    def write(self, data: bytes) -> None:
        """Have the file begin with this; what it holds beyond stays."""
        assert self._process.stdin is not None
        content = self._folder / str(self._process.pid)
        content.write_bytes(data)
        content.chmod(0o644)
        self._process.stdin.write(f"{content}\n")
        self._process.stdin.flush()
        self._hear("written")

    def close(self) -> None:
        """End: the kernel closes the file."""
        self._process.communicate(timeout=30)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _hear(self, word: str) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == f"{word}\n"


def waits(daemon: Daemon, name: str) -> bool:
    """Whether it has been said that a file waits for its writer."""
    return f"{name} is still open for writing and waits" in daemon.log()


def test_a_sheet_at_a_time(daemon: Daemon) -> None:
    """A TIFF file that is whole after each sheet, and stays open: one result with all of them, and status says why."""
    writer = Writer(daemon, "watched", "sheets.tif")
    for content in SO_FAR[:3]:
        writer.write(content)
        wait_until(lambda: waits(daemon, "sheets.tif"))
    config = daemon.folder / "ocrspool.toml"
    wait_until(lambda: "1 file still open for writing" in ocrspool("status", "--config", config, user=NOBODY).stdout)
    writer.write(SO_FAR[3])
    assert daemon.files("outbox", "watched") == []
    writer.close()
    found = daemon.result("sheets.tif", "watched")
    assert [says(found, words, number) for number, words in enumerate(WORDS, 1)] == [True] * 4
    assert daemon.log().count("sheets.tif is still open") == 1


def test_half_a_pdf(daemon: Daemon) -> None:
    """A program that stops in the middle with its file open is waited for."""
    writer = Writer(daemon, "watched", "half.pdf")
    writer.write(PDF[: len(PDF) // 2])
    wait_until(lambda: waits(daemon, "half.pdf"))
    writer.write(PDF)
    writer.close()
    assert says(daemon.result("half.pdf", "watched"), WORDS[0])
    assert "half.pdf" not in daemon.files("failed", "watched")


def test_a_writer_that_dies(daemon: Daemon) -> None:
    """The kernel closes its file; what ends too early is waited for, and fails with what the reason says of that."""
    writer = Writer(daemon, "watched", "died.pdf")
    writer.write(PDF[:200])
    wait_until(lambda: waits(daemon, "died.pdf"))
    writer.kill()
    wait_until(lambda: "died.pdf is not finished and goes back: The PDF document ends too early." in daemon.log())
    reason = daemon.reason("died.pdf", "watched")
    assert (reason["kind"], reason["attempts"]) == ("damaged", 1)
    assert re.search(r"The file had not changed for \d+ s\.", reason["hint"])


@pytest.mark.parametrize("inbox", ["watched", "polled"])
def test_nothing_for_a_while(daemon: Daemon, inbox: str) -> None:
    """A file of 0 bytes waits, with kernel events and without; one that came before it was dropped later passes it."""
    writer = Writer(daemon, inbox, "empty.png")
    daemon.drop("other.png", drawn_pages.png("Other"), inbox)
    assert says(daemon.result("other.png", inbox), "Other")
    assert daemon.files("inbox", inbox) == ["empty.png"]
    writer.write(drawn_pages.png("Not empty"))
    writer.close()
    assert says(daemon.result("empty.png", inbox), "Not empty")
    assert "empty.png" not in daemon.files("failed", inbox)


def test_half_a_pdf_on_a_share(daemon: Daemon) -> None:
    """Where no events come, what ends too early is given back, and read when the rest is there."""
    writer = Writer(daemon, "polled", "half.pdf")
    writer.write(PDF[: len(PDF) // 2])
    wait_until(lambda: "half.pdf is not finished and goes back: The PDF document ends too early." in daemon.log())
    wait_until(lambda: daemon.files("inbox", "polled") == ["half.pdf"])
    writer.write(PDF)
    writer.close()
    assert says(daemon.result("half.pdf", "polled"), WORDS[0])
    assert daemon.files("outbox", "polled").count("half.pdf.json") == 1
    assert "half.pdf" in daemon.files("done", "polled")


def test_written_to_while_it_is_read(daemon: Daemon) -> None:
    """A sheet that comes while the first is read is not lost: the file goes back, and one result has both."""
    for decoder in (decoders := daemon.decoders()):
        daemon.send_to(decoder, signal.SIGSTOP)
    writer = Writer(daemon, "polled", "late.tif")
    writer.write(SO_FAR[0])
    wait_until(lambda: "claimed late.tif" in daemon.log())
    writer.write(SO_FAR[1])
    writer.close()
    for decoder in decoders:
        daemon.send_to(decoder, signal.SIGCONT)
    found = daemon.result("late.tif", "polled")
    assert [says(found, words, number) for number, words in enumerate(WORDS[:2], 1)] == [True] * 2
    assert "late.tif is not finished and goes back: it has changed since it was claimed" in daemon.log()
    assert found["run"]["attempts"] == 1
