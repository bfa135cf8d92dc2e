"""A real service with two inboxes, each of a group of its own, and a member of one group who wants more than that.

The service is no root, its umask is that of the unit, the folders have the modes of systemd/tmpfiles.conf.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import drawn_pages
from support.daemon_process import Daemon, ocrspool
from support.drawn_pages import says
from support.other_users import RUNS_AS_ANOTHER_USER
from support.waiting import wait_until

SERVICE, ATTACKER, NEIGHBOR = 7001, 7002, 7003
OURS, THEIRS = 7000, 7010
"""Groups: of inbox a, and of the service itself; of inbox b."""

INBOXES = "".join(
    f"[inbox.{name}]\nroot = '{name}'\nsettle_seconds = 0\nrescan_seconds = 1\noutputs = ['json', 'txt']\n"
    for name in "ab"
)
BECOME = ("setpriv", f"--reuid={SERVICE}", f"--regid={OURS}", f"--groups={OURS},{THEIRS}")
WRAPPER = ("sh", "-c", 'umask 0007; exec "$@"', "sh", *BECOME)

pytestmark = [
    pytest.mark.engine,
    *RUNS_AS_ANOTHER_USER,
    pytest.mark.skipif(shutil.which("setpriv") is None, reason="there is no setpriv (util-linux)"),
]


@dataclass
class Place:
    """A machine with this service."""

    daemon: Daemon
    folder: Path

    def attack(self, script: str, *arguments: object) -> None:
        """Run a script of the shell as the attacker, in inbox a's folders; it has to succeed."""
        subprocess.run(
            ["/bin/sh", "-ec", f"umask 0007; {script}", "sh", *map(str, arguments)],
            check=True,
            cwd=self.folder / "a",
            user=ATTACKER,
            group=OURS,
            extra_groups=[],
        )

    def drop(self, inbox: str, name: str, text: str) -> None:
        """Have a member of the inbox's group put a page there."""
        group, user = (OURS, ATTACKER) if inbox == "a" else (THEIRS, NEIGHBOR)
        made = self.folder / "made.png"
        made.write_bytes(drawn_pages.png(text))
        os.chown(made, user, group)
        made.chmod(0o660)
        target = self.folder / inbox / "inbox" / name
        if not target.parent.exists():
            target.parent.mkdir(mode=0o2770)
            os.chown(target.parent, user, group)
            target.parent.chmod(0o2770)
        made.rename(target)


@pytest.fixture(scope="module")
def prepared(engine_cache: Path) -> Iterator[Path]:
    """Folders as systemd-tmpfiles makes them, and a cache."""
    folder = Path(tempfile.mkdtemp(prefix="ocrspool-"))  # pytest's own folders let nobody in
    folder.chmod(0o755)
    shutil.copytree(engine_cache, folder / "cache")
    for path in (folder / "cache", *(folder / "cache").rglob("*")):
        os.chown(path, SERVICE, OURS)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def place(prepared: Path) -> Iterator[Place]:
    """A service that is not started yet."""
    folder = prepared / "d"
    daemon = Daemon(folder, prepared / "cache", INBOXES, wrapper=WRAPPER)
    os.chown(folder, SERVICE, OURS)
    for name, group in (("a", OURS), ("b", THEIRS)):
        for state, mode in (
            ("", 0o2750),
            *((each, 0o2770) for each in ("inbox", "outbox", "done", "failed")),
            ("work", 0o2700),
        ):
            made = folder / name / state
            made.mkdir()
            os.chown(made, SERVICE, group)
            made.chmod(mode)
    daemon.notify.path.chmod(0o777)
    try:
        with contextlib.closing(daemon):
            yield Place(daemon, folder)
            assert "Traceback" not in daemon.log()
    finally:
        shutil.rmtree(folder)


def in_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


def test_links_that_wait_for_a_start(place: Place) -> None:
    """In the place of outbox/.ocrspool, and in folders of jobs as 0.1.0 made them: nothing of others is touched."""
    secret = place.folder / "b/done/secret.png"
    secret.write_bytes(drawn_pages.png("Neighbor"))
    key = place.folder / "key"
    key.write_bytes(b"of the service")
    for path in (secret, key):
        os.chown(path, SERVICE, THEIRS)
        path.chmod(0o600)
    work = place.folder / "a/work"
    work.chmod(0o2770)  # as the umask of 0.1.0's unit made it where the service did
    old = work / "20260101T000000-00000000"
    (old / "source").mkdir(parents=True)
    (old / "source/mine.png").write_bytes(drawn_pages.png("Mine"))
    for path in (old, old / "source", old / "source/mine.png"):
        os.chown(path, SERVICE, OURS)
        path.chmod(0o2770 if path.is_dir() else 0o660)
    place.attack(
        """
        ln -s "$1/b/done" outbox/.ocrspool
        mkdir work/20260101T000000-11111111; ln -s "$1/b/done" work/20260101T000000-11111111/source
        ln -s "$1/b/done" work/20260101T000000-22222222
        ln -s "$1/key" "$2/result.txt.new"; ln -s "$1/key" "$2/result.json.new"; ln -s "$1/key" "$2/job.json.new"
        """,
        place.folder,
        old,
    )
    place.daemon.start()
    done, result = place.folder / "a/done/mine.png", place.folder / "a/outbox/mine.png.json"
    wait_until(done.exists, 60)
    assert says(json.loads(result.read_bytes()), "Mine")
    assert in_files(place.folder / "b/done").keys() == {"secret.png"}
    assert key.read_bytes() == b"of the service"
    assert os.path.lexists(place.folder / "a/outbox/.ocrspool")
    assert not any("secret" in name for name in in_files(place.folder / "a"))
    assert (work.stat().st_mode & 0o777) == 0o700
    log = place.daemon.log()
    assert log.count("is not ours and stays as it is") == 1
    assert log.count("is left as it is") == 2
    place.daemon.stop()


def test_what_is_in_the_way_holds_nobody_up(place: Place) -> None:
    """An unwritable folder with forty files, names taken by folders and by links: all are read, b's at once."""
    place.attack(
        """
        mkdir -m 755 outbox/sub done/sub
        for suffix in .json .txt; do mkdir outbox/taken.png$suffix; done
        ln -s /nowhere outbox/linked.png.json
        """
    )
    for number in range(40):
        place.drop("a", f"sub/{number}.png", f"{number}")
    place.drop("a", "taken.png", "Taken")
    place.drop("a", "linked.png", "Linked")
    place.daemon.start()
    place.drop("b", "b.png", "Innocent")
    assert says(place.daemon.result("b.png", "b"), "Innocent")
    place.daemon.idle("a", seconds=90)
    results = [
        json.loads(data)["source"]["path"]
        for name, data in in_files(place.folder / "a/outbox").items()
        if name.endswith(".json")
    ]
    assert sorted(results) == sorted([*(f"sub/{number}.png" for number in range(40)), "taken.png", "linked.png"])
    assert in_files(place.folder / "a/failed") == {}
    # What a job leaves for its group stays so, and what is the service's own is nobody else's.
    result = place.folder / "b/outbox/b.png.json"
    assert (result.stat().st_gid, result.stat().st_mode & 0o777) == (THEIRS, 0o660)
    shutil.rmtree(place.folder / "a/outbox")  # so that the judge of the daemon finds no folders there
    (place.folder / "a/outbox").mkdir()
    place.daemon.stop()


def test_a_bomb_under_the_name_of_a_result(place: Place) -> None:
    """A hundred megabytes of JSON cost the service nothing: the head is read."""
    place.attack(r"head -c 100000000 /dev/zero | tr '\0' '[' > outbox/big.png.json")
    place.daemon.start()
    place.drop("a", "big.png", "Small")
    wait_until(lambda: len(in_files(place.folder / "a/done")) == 1, 60)
    peak = Path(f"/proc/{place.daemon.pid}/status").read_text("ascii").partition("VmHWM:")[2].split()[0]
    assert int(peak) < 150_000  # KiB; it is about 50 MiB, and was gigabytes
    place.attack("rm outbox/big.png.json")
    place.daemon.stop()


def test_a_retry_by_root_moves_nothing_of_roots(place: Place) -> None:
    """It acts as the service's user, and follows no link that it finds in failed/."""
    roots = place.folder / "root"
    roots.mkdir(mode=0o700)
    (roots / "key.png").write_bytes(b"of root")
    place.attack('ln -s "$1" failed/sub; echo x > failed/mine.png; ln -s "$1/key.png" failed/link.png', roots)
    place.daemon.start()
    place.daemon.stop()
    found = ocrspool("retry", "--config", place.daemon.config, "--all")
    assert "mine.png → " in found.stdout
    assert in_files(roots) == {"key.png": b"of root"}
    assert in_files(place.folder / "a/inbox") == {"mine.png": b"x\n"}
    repaired = ocrspool("status", "--config", place.daemon.config, "--audit", "--repair")
    assert repaired.returncode in {0, 65}, repaired.stderr
    assert in_files(roots) == {"key.png": b"of root"}
    assert {path.lstat().st_uid for path in (place.folder / "a/failed").iterdir()} <= {SERVICE, ATTACKER}


def test_a_job_is_closed_to_the_group(place: Place) -> None:
    """While it is in work, and whatever the umask is: nobody else looks into its folder."""
    place.daemon.start()
    for number in range(30):
        place.drop("a", f"{number}.png", f"{number} " * 20)
    seen: set[tuple[int, int, int]] = set()

    def look() -> bool:
        for path in (place.folder / "a/work").glob("*/"):
            with contextlib.suppress(FileNotFoundError):
                found = path.stat()
                seen.add((found.st_uid, found.st_gid, found.st_mode & 0o777))
        return len(in_files(place.folder / "a/done")) == 30

    wait_until(look, 90)
    assert seen == {(SERVICE, OURS, 0o700)}
    with pytest.raises(subprocess.CalledProcessError):
        place.attack("ls work 2>/dev/null")
    place.daemon.stop()
