"""What a user of one inbox can do there, and what an administrator forgot there, stops no other inbox.

The service is user nobody, who has a right on nothing but the folders of these tests; the attacker is another user.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import drawn_pages
from support.daemon_process import Daemon
from support.forked_code import as_nobody
from support.other_users import RUNS_AS_ANOTHER_USER, folder_with_cache, give
from support.waiting import wait_until

NOBODY, ATTACKER = 65534, 64123
SOON = 5.0

pytestmark = [
    pytest.mark.engine,
    *RUNS_AS_ANOTHER_USER,
]

INBOXES = "[inbox.a]\nroot = 'a'\nsettle_seconds = 0.2\n[inbox.b]\nroot = 'b'\nsettle_seconds = 0.2\n"


@pytest.fixture
def daemon(engine_cache: Path) -> Iterator[Daemon]:
    """A service of user nobody with two inboxes, not started. Their folders are there."""
    with folder_with_cache(engine_cache, NOBODY) as folder:
        for state in ("inbox", "work", "outbox", "done", "failed"):
            for inbox in ("a", "b"):
                (folder / "d" / inbox / state).mkdir(parents=True)
        give(folder, NOBODY)
        made = Daemon(folder / "d", folder / "cache", INBOXES, user=NOBODY)
        made.notify.path.chmod(0o777)
        with contextlib.closing(made):
            yield made
            assert "Traceback" not in made.log()


def delivers(daemon: Daemon, name: str, inbox: str = "b", seconds: float = SOON) -> None:
    """Check that a file is read, and soon."""
    daemon.drop(name, drawn_pages.png("Still here"), inbox)
    assert drawn_pages.says(daemon.result(name, inbox, seconds), "Still here")


def published(daemon: Daemon) -> dict[str, Any]:
    """What the service has published of itself."""
    found: dict[str, Any] = json.loads((daemon.folder / "run/status.json").read_bytes())
    return found


def drop_many(daemon: Daemon, count: int) -> None:
    """Move a folder of the attacker's into inbox "a": its files are claimed like any others."""
    many = daemon.folder / "many"
    many.mkdir()
    for number in range(count):
        (many / f"{number}.pgm").write_bytes(drawn_pages.tiny(number))
    many.chmod(0o777)
    many.rename(daemon.root("a") / "inbox/sub")


def limit_processes(daemon: Daemon, most: int | None) -> None:
    """Let user nobody have so many threads, as the service sees it; None: as many as before."""
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    limits = (hard if most is None else most, hard)
    as_nobody(lambda: resource.prlimit(daemon.pid, resource.RLIMIT_NPROC, limits))


def test_a_subfolder_of_the_outbox_that_is_closed(daemon: Daemon) -> None:
    """Its owner does not let the service in. Each file for it has an outcome, and other inboxes do not wait."""
    sub = daemon.root("a") / "outbox/sub"
    sub.mkdir(mode=0o755)
    os.chown(sub, ATTACKER, ATTACKER)
    daemon.start()
    drop_many(daemon, 40)
    for number in range(3):
        delivers(daemon, f"{number}.png")
    wait_until(lambda: not daemon.files("inbox", "a") and not daemon.in_work("a"), 60)
    outcomes = [name for name in daemon.files("outbox", "a") if name.endswith(".json")]
    failed = [name for name in daemon.files("failed", "a") if not name.endswith(".reason.json")]
    assert len(outcomes) + len(failed) == 40
    assert not any(sub.iterdir())
    assert daemon.stop() == 0
    daemon.start()
    delivers(daemon, "after.png")


def test_an_outbox_without_access_at_the_start(daemon: Daemon) -> None:
    """Its inbox waits and says why; the other serves. Once it may, the inbox serves too, without a restart."""
    outbox = daemon.root("a") / "outbox"
    os.chown(outbox, 0, 0)
    outbox.chmod(0o700)
    daemon.drop("early.png", drawn_pages.png("Early"), "a")
    daemon.start()
    delivers(daemon, "meanwhile.png")
    wait_until((daemon.folder / "run/status.json").exists)
    standing = published(daemon)
    assert (standing["state"], standing["inboxes"]["a"]["state"]) == ("degraded", "waits")
    assert f"may not use {outbox}" in standing["inboxes"]["a"]["reason"]
    assert standing["inboxes"]["b"]["state"] == "serves"
    assert daemon.log().count("inbox a waits and is tried again") == 1
    assert daemon.files("inbox", "a") == ["early.png"]
    outbox.chmod(0o777)
    daemon.result("early.png", "a")
    wait_until(lambda: published(daemon)["state"] == "ready", 30)


def test_an_outbox_that_is_closed_while_it_serves(daemon: Daemon) -> None:
    """What cannot be delivered waits without holding up the others, and comes out when the outbox is open again."""
    daemon.start()
    outbox = daemon.root("a") / "outbox"
    os.chown(outbox, 0, 0)
    outbox.chmod(0o700)
    drop_many(daemon, 40)
    wait_until(lambda: published(daemon)["inboxes"]["a"]["state"] == "waits", 60)
    for number in range(3):
        delivers(daemon, f"{number}.png")
    assert daemon.files("failed", "a") == []
    outbox.chmod(0o777)
    wait_until(lambda: len(daemon.files("done", "a")) == 40, 90)
    assert daemon.files("failed", "a") == []


def test_no_threads(daemon: Daemon) -> None:
    """Nothing is claimed while no thread can be started; the status says so; no document is blamed, and it passes."""
    daemon.start()
    delivers(daemon, "before.png")
    limit_processes(daemon, 1)
    for number in range(5):
        daemon.drop(f"{number}.png", drawn_pages.png(f"Number {number}"), "a")
    wait_until(lambda: "no thread or process can be started" in published(daemon)["lack"], 30)
    assert daemon.files("failed", "a") == []
    limit_processes(daemon, None)
    wait_until(lambda: len(daemon.files("done", "a")) == 5, 60)
    wait_until(lambda: not published(daemon)["lack"], 30)
    assert daemon.runs()
