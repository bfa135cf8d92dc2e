"""What goes wrong with one inbox stops that inbox only: the others deliver meanwhile, within seconds."""

from __future__ import annotations

import hashlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import drawn_pages
from support.daemon_process import Daemon, NewDaemon, ocrspool
from support.faulty_disks import disk_that_freezes, fill, small_disk
from support.filesystem_images import Disk
from support.hanging_share import HangingShare, hanging_share
from support.http_client import ask
from support.process_table import is_ending, lives
from support.waiting import wait_until

pytestmark = pytest.mark.engine

SOON = 5.0
"""Seconds in which another inbox has to deliver."""


ROOM = "[limits]\nfree_disk_mb = 0\n"
"""The disks of these tests are small."""


def inbox(name: str, root: object, more: str = "") -> str:
    return f"[inbox.{name}]\nroot = '{root}'\nsettle_seconds = 0.2\n{more}"


def delivers(daemon: Daemon, inbox: str, name: str, seconds: float = SOON) -> None:
    """Check that a file is read, and soon."""
    daemon.drop(name, drawn_pages.png("Still here"), inbox)
    assert drawn_pages.says(daemon.result(name, inbox, seconds), "Still here")


def told(daemon: Daemon, inbox: str) -> dict[str, Any]:
    """What the service has published of an inbox."""
    found: dict[str, Any] = json.loads((daemon.folder / "run/status.json").read_bytes())["inboxes"][inbox]
    return found


Hanging = Disk | HangingShare


@pytest.fixture(params=["frozen", "dead-server"])
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Hanging]:
    """A disk that can hang: where only writes wait, and where every call waits."""
    if request.param == "frozen":
        with disk_that_freezes(tmp_path / "disk") as frozen:
            yield frozen
    else:
        with hanging_share(tmp_path / "disk") as share:
            yield share


def at_work_when_it_freezes(disk: Hanging, count: int = 40) -> None:
    """Freeze the disk of inbox "a" while files of it are in work, and more than can be claimed wait."""
    waiting = disk.folder / "waiting"
    waiting.mkdir()
    for number in range(count):
        (waiting / f"{number}.png").write_bytes(drawn_pages.png(f"Number {number}"))
    waiting.rename(disk.folder / "a/inbox/many")
    wait_until(lambda: any((disk.folder / "a/work").glob("2*")))
    disk.freeze()


@pytest.mark.parametrize("outputs", ["", "outputs = ['json', 'html', 'pdf']\n"], ids=["json", "views"])
def test_a_frozen_disk(new_daemon: NewDaemon, disk: Hanging, outputs: str) -> None:
    """Its inbox is told to hang; others deliver, come and go by reload, and the watchdog is fed. Nothing is lost."""
    a, b = inbox("a", disk.folder / "a", outputs), inbox("b", "b")
    daemon = new_daemon(inboxes=a + b, more=ROOM, variables={"WATCHDOG_USEC": "1000000"})
    daemon.start()
    try:
        at_work_when_it_freezes(disk)
        for number in range(3):
            delivers(daemon, "b", f"{number}.png")
        fed = daemon.said("WATCHDOG=1")
        wait_until(lambda: told(daemon, "a")["state"] == "hangs", 30)
        assert told(daemon, "b")["state"] == "serves"
        # The status is published just before systemd is told.
        wait_until(lambda: any("inbox a hangs since" in message for message in daemon.notify.messages()))
        assert daemon.said("WATCHDOG=1") > fed
        daemon.inboxes = a + b + inbox("c", "c")
        daemon.configure()
        daemon.send(signal.SIGHUP)
        wait_until(lambda: daemon.said("READY=1") == 2, 20)
        wait_until((daemon.root("c") / "inbox").is_dir)
        delivers(daemon, "c", "new.png")
        delivers(daemon, "b", "last.png")
    finally:
        disk.thaw()
    outbox = disk.folder / "a/outbox/many"
    wait_until(lambda: len(list(outbox.glob("*.png.json"))) == 40, 110)
    assert not any(path.is_file() for path in (disk.folder / "a/failed").rglob("*"))
    wait_until(lambda: told(daemon, "a")["state"] == "serves", 30)
    assert daemon.log().count("inbox a: its disk does not answer") == 1


def test_a_stop_while_a_disk_is_frozen(new_daemon: NewDaemon, disk: Hanging) -> None:
    """It takes no longer than the stop time; only the kernel holds processes, until the disk is there again."""
    more = ROOM + "[service]\nstop_seconds = 1\n"
    daemon = new_daemon(inboxes=inbox("a", disk.folder / "a") + inbox("b", "b"), more=more)
    daemon.start()
    children = daemon.children()
    try:
        at_work_when_it_freezes(disk)
        daemon.send(signal.SIGTERM)
        wait_until(lambda: "INFO stopped" in daemon.log() or " stopped" in daemon.log(), 30)
        wait_until(lambda: all(is_ending(pid) for pid in children if lives(pid)), 5)
    finally:
        disk.thaw()
    assert daemon.wait(30) == 0
    assert "Traceback" not in daemon.log()
    daemon.start()
    wait_until(lambda: len(list((disk.folder / "a/outbox/many").glob("*.png.json"))) == 40, 110)
    assert not any(path.is_file() for path in (disk.folder / "a/failed").rglob("*"))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "small", "4m") as folder:
        yield folder


def test_a_full_disk_at_the_start(new_daemon: NewDaemon, small: Path) -> None:
    """A job that a crash left there waits for room, and then is read; the other inbox serves from the start on."""
    inboxes = inbox("a", small / "a", "outputs = ['json', 'txt']\n") + inbox("b", "b")
    daemon = new_daemon(inboxes=inboxes, more=ROOM)
    daemon.start()
    daemon.send_to(daemon.workers()[0], signal.SIGSTOP)  # so the file stays in work
    (small / "begun.png").write_bytes(drawn_pages.png("Begun"))
    (small / "begun.png").rename(small / "a/inbox/begun.png")
    wait_until(lambda: any((small / "a/work").glob("*/job.json")), 30)
    daemon.kill9()
    ballast = fill(small)
    daemon.start()
    delivers(daemon, "b", "meanwhile.png")
    assert (daemon.root("b") / "done/meanwhile.png").is_file()
    wait_until(lambda: told(daemon, "a")["stalled"] == 1, 30)
    assert "No space left" in told(daemon, "a")["reason"]
    assert not any((small / "a/outbox").iterdir())
    ballast.unlink()
    wait_until((small / "a/outbox/begun.png.json").exists, 60)
    wait_until((small / "a/done/begun.png").exists)
    assert not any(path.is_file() for path in (small / "a/failed").rglob("*"))


def test_names_that_folders_have(new_daemon: NewDaemon) -> None:
    """Folders have every name of the result, and that of the failed file: the document has an outcome all the same."""
    daemon = new_daemon(inboxes=inbox("a", "a") + inbox("b", "b"))
    daemon.start()
    data = drawn_pages.png("Taken")
    digest = hashlib.sha256(data).hexdigest()
    for tag in ("", f"~{digest[:8]}", f"~{digest[:16]}", f"~{digest}"):
        (daemon.root("a") / "outbox" / f"taken.png{tag}.json").mkdir()
    (daemon.root("a") / "failed/taken.png").mkdir()
    daemon.drop("taken.png", data, "a")
    delivers(daemon, "b", "free.png")
    daemon.idle("a")
    ends = [path for state in ("outbox", "failed") for path in (daemon.root("a") / state).rglob("*") if path.is_file()]
    assert ends, "it has an outcome"
    assert told(daemon, "a")["stalled"] == 0


@pytest.fixture
def share(tmp_path: Path) -> Iterator[HangingShare]:
    with hanging_share(tmp_path / "share") as made:
        yield made


SHARED = {
    "all": lambda root: inbox("a", root / "a"),
    "outbox": lambda root: inbox("a", "a", f"outbox = '{root}/out'\n"),
}
"""What of inbox "a" lies on the share."""


@pytest.mark.parametrize("part", SHARED)
def test_a_dead_server_at_the_start(new_daemon: NewDaemon, share: HangingShare, part: str) -> None:
    """READY comes, the others deliver, and a file that was dropped before comes out when the server is back."""
    daemon = new_daemon(inboxes=SHARED[part](share.folder) + inbox("b", "b"), more=ROOM)
    daemon.start()
    assert daemon.stop() == 0
    root = share.folder / "a" if part == "all" else daemon.root("a")
    (root / "inbox/early.png").write_bytes(drawn_pages.png("Early"))
    share.freeze()
    try:
        daemon.start()
        for number in range(2):
            delivers(daemon, "b", f"{number}.png")
        wait_until(lambda: told(daemon, "a")["state"] == "hangs", 30)
        assert ocrspool("check", "--start", "--config", daemon.config).returncode == 0
    finally:
        share.thaw()
    outbox = root / "outbox" if part == "all" else share.folder / "out"
    wait_until((outbox / "early.png.json").exists, 60)
    wait_until(lambda: told(daemon, "a")["state"] == "serves", 30)


def test_a_dead_server_of_an_outbox(new_daemon: NewDaemon, share: HangingShare) -> None:
    """Its inbox waits with its files; the other delivers. No document fails, and all come out when it is back."""
    daemon = new_daemon(inboxes=SHARED["outbox"](share.folder) + inbox("b", "b"), more=ROOM)
    daemon.start()
    share.freeze()
    try:
        for number in range(20):
            daemon.drop(f"{number}.png", drawn_pages.png(f"Number {number}"), "a")
        for number in range(3):
            delivers(daemon, "b", f"{number}.png")
        wait_until(lambda: told(daemon, "a")["state"] == "hangs", 30)
    finally:
        share.thaw()
    wait_until(lambda: len(list((share.folder / "out").glob("*.json"))) == 20, 110)
    assert daemon.files("failed", "a") == []


COMMANDS = {
    "check": (78, "inbox.a: the disk of {root} does not answer"),
    "check --start": (0, "warning: inbox.a: the disk of {root} does not answer"),
    "status": (0, "the disk of {root}"),  # after ten seconds the service has said so, in other words
    "status --json": (0, '"hangs": true'),
    "status --audit": (75, "inbox a: the disk of {root}/inbox does not answer: not looked at"),
    "retry --all": (75, "inbox a: the disk of {root}/failed does not answer; nothing was moved"),
    "doctor": (78, "inbox.a: the disk of {root} does not answer"),
}
"""How each ends while a server is dead, and what it says."""


def joined(text: str) -> str:
    """A text without the blanks and ends of lines at which it is wrapped."""
    return "".join(text.split())


def test_commands_while_a_server_is_dead(new_daemon: NewDaemon, share: HangingShare, tmp_path: Path) -> None:
    """Each says so, deals with the other inbox, and ends. So does the page."""
    root = share.folder / "a"
    listen = tmp_path / "d/ask.sock"
    page = f"[metrics]\nlisten = '{listen}'\npage = true\n"
    daemon = new_daemon(inboxes=inbox("a", root) + inbox("b", "b"), more=ROOM + page)
    daemon.start()
    share.freeze()
    try:
        for command, (code, words) in COMMANDS.items():
            if command == "retry --all":
                (daemon.root("b") / "failed/x.png").write_bytes(b"x")
            ended = ocrspool(*command.split(), "--config", daemon.config, seconds=60)
            said = ended.stdout + ended.stderr
            assert ended.returncode == code, f"{command}: {said}"
            assert joined(words.format(root=root)) in joined(said), f"{command}: {said}"
            if command == "retry --all":
                assert "x.png" in said
        status, shown = ask(listen, "/", "localhost")
        assert status == 200
        assert "does not answer" in shown
    finally:
        share.thaw()


def test_a_server_that_dies_and_comes_back(new_daemon: NewDaemon, share: HangingShare) -> None:
    """Every call fails meanwhile, and the inbox says why. What was in work is read when the share is mounted anew."""
    daemon = new_daemon(inboxes=inbox("a", share.folder / "a") + inbox("b", "b"), more=ROOM)
    daemon.start()
    daemon.send_to(
        daemon.workers()[0], signal.SIGSTOP
    )  # so that all are in work when it dies, and none is claimed then
    waiting = share.folder / "waiting"
    waiting.mkdir()
    for number in range(5):
        (waiting / f"{number}.png").write_bytes(drawn_pages.png(f"Number {number}"))
    waiting.rename(share.folder / "a/inbox/many")
    wait_until(lambda: daemon.log().count("claimed many/") == 5)
    share.die()
    daemon.send_to(daemon.workers()[0], signal.SIGCONT)
    delivers(daemon, "b", "meanwhile.png")
    wait_until(lambda: told(daemon, "a")["state"] == "waits", 30)
    assert "not connected" in told(daemon, "a")["reason"]
    share.unmount()
    share.come_back()
    wait_until(lambda: len(list((share.folder / "a/outbox/many").glob("*.png.json"))) == 5, 110)
    assert not any(path.is_file() for path in (share.folder / "a/failed").rglob("*"))
