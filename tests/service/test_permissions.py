"""A service that is not root, as it should be, and files that it may not touch."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import drawn_pages
from support.daemon_process import Daemon, ocrspool
from support.drawn_pages import says
from support.other_users import RUNS_AS_ANOTHER_USER, folder_with_cache, running

NOBODY = 65534

pytestmark = [
    pytest.mark.engine,
    *RUNS_AS_ANOTHER_USER,
]

INBOXES = """
[inbox.default]
root = "spool"
settle_seconds = 0.2
rescan_seconds = 1
"""


@pytest.fixture(scope="module")
def daemon(engine_cache: Path) -> Iterator[Daemon]:
    """A service that runs as nobody, in folders that are nobody's."""
    with folder_with_cache(engine_cache, NOBODY) as folder:
        made = Daemon(folder / "d", folder / "cache", INBOXES, user=NOBODY)
        os.chown(folder / "d", NOBODY, NOBODY)
        with running(made):
            yield made


def test_unreadable_file(daemon: Daemon) -> None:
    """A file that the service may not read fails with that reason; made readable, `retry` has it read."""
    path = daemon.folder / "unreadable"
    path.write_bytes(drawn_pages.png("Now readable"))
    path.chmod(0)
    path.rename(daemon.spool / "inbox/unreadable.png")
    reason = daemon.reason("unreadable.png")
    assert (reason["kind"], reason["stage"]) == ("permission", "open")
    (daemon.spool / "failed/unreadable.png").chmod(0o644)
    assert ocrspool("retry", "--config", daemon.config, "unreadable.png").returncode == 0
    assert says(daemon.result("unreadable.png"), "Now readable")


def test_readable_file_of_another_user(daemon: Daemon) -> None:
    """A file that belongs to somebody else, and that the service may only read, is read and retired."""
    path = daemon.drop("roots.png", drawn_pages.png("From root"))
    assert says(daemon.result("roots.png"), "From root")
    assert not path.exists()


@pytest.mark.parametrize("mode", [0o755, 0o700], ids=["not writable", "not readable"])
def test_folder_of_another_user(daemon: Daemon, mode: int) -> None:
    """Files in a folder that the service may not change stay there, and no other file has to wait behind them."""
    outside = daemon.folder / f"foreign-{mode:o}"
    outside.mkdir()
    for number in range(40):
        (outside / f"{number}.pgm").write_bytes(drawn_pages.tiny(number))
        os.utime(outside / f"{number}.pgm", (1, 1))  # older than all others, so first in line
    outside.chmod(mode)
    foreign = outside.rename(daemon.spool / "inbox" / outside.name)
    for number in range(3):
        daemon.drop(f"free-{mode:o}-{number}.png", drawn_pages.png("Free to go"))
        assert says(daemon.result(f"free-{mode:o}-{number}.png"), "Free to go")
    assert len(list(foreign.iterdir())) == 40
    assert f"{foreign.name}" in daemon.log()
    assert daemon.log().count(f"cannot claim {foreign.name}/0.pgm") <= 1
    assert daemon.in_work() == []
    foreign.chmod(0o777)
    daemon.result(f"{foreign.name}/39.pgm")
    daemon.idle()


def test_check_names_what_is_missing(daemon: Daemon) -> None:
    """A service that may not write to a folder of the spool ends with 78 and names folder and permission."""
    other = Daemon(daemon.folder / "closed", daemon.cache, INBOXES, user=NOBODY)
    other.notify.path.chmod(0o777)
    with contextlib.closing(other):
        (other.spool / "inbox").mkdir(parents=True)
        other.spawn()
        assert other.wait() == 78
        assert f"inbox.default.inbox: may not use {other.spool / 'inbox'}" in other.log()
        assert "Traceback" not in other.log()


def test_status_for_another_user(daemon: Daemon) -> None:
    """Whoever may not look into the folders of a service gets an answer or an exit code, never a trace."""
    config = daemon.folder / "ocrspool.toml"
    mine = ocrspool("status", "--json", "--config", config)
    assert json.loads(mine.stdout)["service"]["pid"] == daemon.pid
    (daemon.folder / "run").chmod(0o700)
    (daemon.spool / "work").chmod(0o700)
    theirs = ocrspool("status", "--json", "--config", config, user=12345)
    assert theirs.returncode in {0, 69, 77}
    assert "Traceback" not in theirs.stderr
