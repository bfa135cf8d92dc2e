"""What survives kill -9: of the service, of its workers and decoders, at any instant."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import drawn_pages, sample_files
from support.daemon_process import Daemon, NewDaemon
from support.process_table import holds, is_module, lives
from support.waiting import wait_until

pytestmark = pytest.mark.engine

QUICK = "[inbox.default]\nroot = 'spool'\nsettle_seconds = 0.2\n"


class Consumer:
    """Reads every file of an outbox as soon as it appears, and again when it is replaced: each has to be whole."""

    def __init__(self, outbox: Path) -> None:
        self._outbox = outbox
        self._done = threading.Event()
        self._seen: dict[tuple[str, int], bytes] = {}
        self.problems: list[str] = []
        self._thread = threading.Thread(target=self._consume, name="consumer")
        self._thread.start()

    def close(self) -> None:
        self._done.set()
        self._thread.join()

    @property
    def reads(self) -> int:
        return len(self._seen)

    def _consume(self) -> None:
        while not self._done.wait(0.002):
            with contextlib.suppress(FileNotFoundError):
                for entry in os.scandir(self._outbox):
                    self._read(entry)

    def _read(self, entry: os.DirEntry[str]) -> None:
        key = (entry.name, entry.inode())
        if key in self._seen:
            return
        data = Path(entry.path).read_bytes()
        self._seen[key] = data
        try:
            if json.loads(data)["schema"] != "ocrspool-result/1":
                self.problems.append(f"{entry.name}: another schema")
        except ValueError as error:
            self.problems.append(f"{entry.name}: {error}: {data[:80]!r}")


@pytest.fixture
def consumer(tmp_path: Path) -> Iterator[Consumer]:
    """Someone who takes what appears in the outbox of the daemon `d`."""
    made = Consumer(tmp_path / "d/spool/outbox")
    yield made
    made.close()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("after", ["keep", "delete"])
def test_kill_9_of_the_service(new_daemon: NewDaemon, consumer: Consumer, after: str) -> None:
    """However often it is killed, at whatever instant: each file ends up once in outbox and done, and whole."""
    daemon = new_daemon(inboxes=f"{QUICK}after = '{after}'\n")
    instants = random.Random(4711 + len(after))
    contents: dict[str, bytes] = {}
    for round_number in range(5):
        for number in range(12):
            name = f"{round_number}-{number}.{'tif' if number % 4 == 0 else 'png'}"
            text = drawn_pages.page(f"File {name}")
            contents[name] = sample_files.tiff(text, text) if number % 4 == 0 else sample_files.png(text)
        for name in [name for name in contents if name.startswith(f"{round_number}-")]:
            daemon.drop(name, contents[name])
        done_before = len(daemon.files("outbox"))
        daemon.start()
        children = daemon.children()
        if round_number % 2:
            wait_until(lambda before=done_before: len(daemon.files("outbox")) > before, 60)  # type: ignore[misc] # a default
        threading.Event().wait(instants.uniform(0, 0.6))
        daemon.kill9()
        wait_until(lambda pids=children: not any(lives(pid) for pid in pids), 15)  # type: ignore[misc] # a default
        daemon.check_outboxes()
    daemon.start()
    daemon.idle()
    assert daemon.stop() == 0
    assert daemon.files("work") == []
    assert daemon.files("failed") == []
    assert daemon.files("outbox") == sorted(f"{name}.json" for name in contents)
    assert daemon.files("done") == (sorted(contents) if after == "keep" else [])
    for name, data in contents.items():
        result = json.loads(daemon.result_path(name).read_bytes())
        assert result["source"]["sha256"] == hashlib.sha256(data).hexdigest()
        assert drawn_pages.says(result, f"File {name}")
    assert consumer.problems == []
    assert consumer.reads >= len(contents)


@pytest.fixture
def busy(new_daemon: NewDaemon) -> Daemon:
    """A service whose patience with its children is short."""
    limits = "[service]\nworker_seconds = 6\n[limits]\npage_seconds = 6\nmemory_mb = 64\n"
    daemon = new_daemon(inboxes=QUICK, more=limits)
    daemon.start()
    return daemon


def drop_many(daemon: Daemon, prefix: str, count: int = 24) -> list[str]:
    names = [f"{prefix}-{number}.png" for number in range(count)]
    for name in names:
        daemon.drop(name, drawn_pages.png(f"Many {name}", "and more", "and more"))
    return names


def in_flight(daemon: Daemon, prefix: str) -> None:
    """Wait until files of this prefix are in work, and some are done."""
    wait_until(lambda: f"done {prefix}-" in daemon.log() and daemon.in_work(), 60)


def test_kill_9_of_children(busy: Daemon) -> None:
    """A worker or decoder that is killed is replaced; the service stays, and all files arrive."""
    service = busy.pid
    for prefix, of in (("worker", busy.workers), ("decoder", busy.decoders)):
        (killed,) = of()
        names = drop_many(busy, prefix)
        in_flight(busy, prefix)
        os.kill(killed, signal.SIGKILL)
        for name in names:
            assert drawn_pages.squeezed(f"Many {name}") in drawn_pages.squeezed(busy.result(name)["text"])
        wait_until(lambda children=of, old=killed: old not in children() and len(children()) == 1, 60)  # type: ignore[misc] # defaults
    assert busy.pid == service
    assert busy.runs()
    assert "worker 1 was killed by SIGKILL" in busy.log()
    assert busy.files("failed") == []
    assert busy.in_work() == []


def test_idle_children_die(busy: Daemon) -> None:
    """A worker and a decoder that die while there is nothing to do cost no file an attempt that counts."""
    for pid in (*busy.workers(), *busy.decoders()):
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: not lives(pid))  # type: ignore[misc] # a default
    busy.drop("after.png", drawn_pages.png("After the fall"))
    assert drawn_pages.says(busy.result("after.png"), "After the fall")


def test_hung_worker(busy: Daemon) -> None:
    """A worker that no longer answers is replaced, and the file that it had arrives."""
    (worker,) = busy.workers()
    os.kill(worker, signal.SIGSTOP)
    busy.drop("hung.png", drawn_pages.png("Still here"))
    assert drawn_pages.says(busy.result("hung.png"), "Still here")
    assert "gave no answer for 6 s" in busy.log()
    assert not lives(worker)
    assert worker not in busy.workers()


def test_hung_decoder(busy: Daemon) -> None:
    """A decoder that hangs fails its file as a time-out; the files behind it are read."""
    (decoder,) = busy.decoders()
    os.kill(decoder, signal.SIGSTOP)
    busy.drop("hung.png", drawn_pages.png("Never read"))
    reason = busy.reason("hung.png")
    assert reason["kind"] == "timeout"
    assert not lives(decoder)
    busy.drop("next.png", drawn_pages.png("Next please"))
    assert drawn_pages.says(busy.result("next.png"), "Next please")


def test_decoder_hangs_within_a_document(busy: Daemon) -> None:
    """A decoder that hangs at one page of several costs that page, and the document comes out as partial."""
    pages = 8
    (worker,), (decoder,) = busy.workers(), busy.decoders()
    os.kill(worker, signal.SIGSTOP)  # so that the decoder is in the middle: two pages fit into memory_mb
    busy.drop("long.pdf", sample_files.pdf(pages, width=1000, height=1000))
    wait_until(lambda: holds(busy.pid, "memfd:page"), 60)
    os.kill(decoder, signal.SIGSTOP)
    os.kill(worker, signal.SIGCONT)
    result = busy.result("long.pdf")
    lost = [page for page in result["pages"] if page["status"] == "failed"]
    assert result["status"] == "partial"
    assert [page["error"]["kind"] for page in lost] == ["timeout"]
    assert len(result["pages"]) == pages


@pytest.mark.parametrize(
    ("module", "opened"),
    [("ocrspool.recognition.child", "memfd:page"), ("ocrspool.decoding.child", "killer.pdf")],
    ids=["worker", "decoder"],
)
def test_file_that_kills_every_time(new_daemon: NewDaemon, module: str, opened: str) -> None:
    """A file that costs a process its life each time ends in failed/ after its attempts, which are counted on disk."""
    daemon = new_daemon(inboxes=QUICK, more="[service]\nattempts = 3\n")
    daemon.start()
    service = daemon.pid
    ending = threading.Event()
    counts: set[int] = set()
    killed: set[int] = set()

    def kill() -> None:
        """Kill the process whenever it has something of the file open; before that, the attempt is on disk."""
        while not ending.wait(0.002):
            for pid in daemon.children():
                if is_module(pid, module) and holds(pid, opened):
                    for path in (daemon.spool / "work").glob("*/job.json"):
                        with contextlib.suppress(FileNotFoundError):
                            counts.add(json.loads(path.read_bytes())["attempts"])
                    killed.add(pid)
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        daemon.drop("killer.pdf", sample_files.pdf(12, width=1000, height=1000))
        reason = daemon.reason("killer.pdf")
    finally:
        ending.set()
        killer.join()
    assert reason["kind"] == "crash"
    # A document that has cost decoders enough is refused in an attempt in which none has been killed yet.
    ended = {int(attempt) for attempt in re.findall(r"killer.pdf: attempt (\d) of 3", daemon.log())}
    assert {*range(1, reason["attempts"])} <= ended <= counts <= {*range(1, reason["attempts"] + 1)}
    if module == "ocrspool.recognition.child":
        assert ended == {1, 2, 3}
        assert reason["attempts"] == 3
    assert 3 <= len(killed) < 20  # some for the document, not one for each page
    daemon.drop("innocent.png", drawn_pages.png("Innocent"))
    assert drawn_pages.says(daemon.result("innocent.png"), "Innocent")
    assert daemon.pid == service
    assert daemon.runs()


BROKEN = """
import pathlib, runpy, sys
from ocrspool.observability.status import StatusPublisher

flag, publish = pathlib.Path(sys.argv.pop(1)), StatusPublisher.publish

def broken(self, look, **how):
    if flag.exists():
        raise LookupError("a bug of ours")
    publish(self, look, **how)

StatusPublisher.publish = broken
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""The service with a bug in what its main loop does, from the moment on that a file is there."""


def test_a_bug_in_the_main_loop(new_daemon: NewDaemon, tmp_path: Path) -> None:
    """It ends the service, and no document is blamed: each is read at the next start, at its first attempt."""
    (tmp_path / "broken.py").write_text(BROKEN)
    wrapper = (sys.executable, str(tmp_path / "broken.py"), str(tmp_path / "flag"))
    daemon = new_daemon(wrapper=wrapper)
    daemon.start()
    (worker,) = daemon.workers()
    daemon.send_to(worker, signal.SIGSTOP)
    names = [f"{number}.png" for number in range(4)]
    for name in names:
        daemon.drop(name, drawn_pages.png(name))
    wait_until(lambda: len(list(daemon.spool.glob("work/*/job.json"))) == 4, 60)
    (tmp_path / "flag").touch()
    assert daemon.wait(60) not in {0, 64, 66, 77, 78}, "an end after which systemd starts it again"
    assert "a bug of ours" in daemon.log()
    assert daemon.files("failed") == []
    assert [json.loads(path.read_bytes())["attempts"] for path in daemon.spool.glob("work/*/job.json")] == [0] * 4
    (tmp_path / "flag").unlink()
    daemon.start()
    for name in names:
        assert daemon.result(name)["run"]["attempts"] == 1
