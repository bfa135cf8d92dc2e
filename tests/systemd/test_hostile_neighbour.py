"""A member of the group who puts things in the way of the installed service: nobody else waits, nothing is touched."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import drawn_pages
from support.drawn_pages import says
from support.lab_machine import ENGINES, SCANNER, SERVICE, SPOOL, Machine, as_user, run, tree
from support.waiting import wait_until

_OTHER = SPOOL.with_name("other")
_APART, _THEIRS = SPOOL.with_name("apart"), "neighbors"
"""An inbox whose folders belong to another group, and that group."""
_MANY = [f"{number}.pgm" for number in range(40)]
_SOON_SECONDS = 5.0


@pytest.fixture
def many() -> Iterator[Path]:
    """A folder of the user, beside the spool, with forty files."""
    folder = Path("/var/spool/many")
    folder.mkdir()
    for number, name in enumerate(_MANY):
        (folder / name).write_bytes(drawn_pages.tiny(number))
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, SCANNER, "ocrspool")
        path.chmod(0o2770 if path.is_dir() else 0o660)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_a_member_of_the_group_in_the_way(machine: Machine, many: Path) -> None:
    """A link in the place of outbox/.ocrspool, and a closed subfolder that forty files want into; then restarts.

    Nothing behind the link is touched, another inbox delivers within seconds, and each file has an outcome.
    """
    machine.configure(f'[inbox.other]\nroot = "{_OTHER}"\nsettle_seconds = 0.5\n')
    machine.start()
    wait_until((_OTHER / "done").is_dir)
    _files_of_the_service(_OTHER / "done")
    before = _files(_OTHER / "done")
    as_user(SCANNER, "ln", "-s", _OTHER / "done", SPOOL / "outbox/.ocrspool")
    closed = SPOOL / "outbox/sub"
    as_user(SCANNER, "mkdir", "-m", "755", closed)
    many.rename(SPOOL / "inbox/sub")
    wait_until(machine.in_work)
    machine.systemctl("kill", "--signal=KILL", SERVICE)
    machine.systemctl("restart", SERVICE)
    assert _files(_OTHER / "done") == before
    dropped = time.monotonic()
    machine.drop("other.png", drawn_pages.png("Not in the way"), _OTHER)
    wait_until(lambda: machine.names("outbox", _OTHER), 60)
    assert time.monotonic() - dropped < _SOON_SECONDS
    wait_until(lambda: not list((SPOOL / "inbox").rglob("*.pgm")) and not machine.in_work(), 60)
    assert says(machine.results(_OTHER)["other.png"], "Not in the way")
    ends = [*(SPOOL / "done").rglob("*.pgm"), *(SPOOL / "failed").rglob("*.pgm")]
    assert sorted(path.name for path in ends) == sorted(_MANY)
    results = [path for path in (SPOOL / "outbox").rglob("*.pgm.json") if closed not in path.parents]
    assert len(results) == len(list((SPOOL / "done").rglob("*.pgm")))
    assert not any(closed.iterdir())
    assert (SPOOL / "outbox/.ocrspool").readlink() == _OTHER / "done"
    assert before.items() <= _files(_OTHER / "done").items()


@pytest.fixture
def two(machine: Machine) -> Iterator[Machine]:
    """The service, stopped, with a second inbox whose folders belong to a group that the scanner is not in."""
    run("groupadd", "--force", _THEIRS)
    run("usermod", "--append", "--groups", _THEIRS, "ocrspool")
    root = _APART
    run("install", "-d", "-m", "2750", "-o", "ocrspool", "-g", _THEIRS, root)
    for state in ("inbox", "work", "outbox", "done", "failed"):
        mode = "2700" if state == "work" else "2770"
        run("install", "-d", "-m", mode, "-o", "ocrspool", "-g", _THEIRS, root / state)
    machine.configure(f'[inbox.apart]\nroot = "{root}"\nsettle_seconds = 0.5\n')
    yield machine
    machine.stop()
    shutil.rmtree(root)


def test_what_is_in_work_is_closed_to_the_group(two: Machine) -> None:
    """Of his own inbox and of another one: he can neither look into it, nor put anything there, nor take it away."""
    two.start()
    for number, name in enumerate(_MANY):
        for root in (SPOOL, _APART):
            two.drop(name, drawn_pages.png(f"{number} " * 20), root)
    pid = two.pid

    def stopped_at_work() -> list[Path]:
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: Path(f"/proc/{pid}/stat").read_text("ascii").split()[2] == "T")
        jobs = [[path for path in (root / "work").iterdir() if path.is_dir()] for root in (SPOOL, _APART)]
        if all(jobs):
            return [*jobs[0], *jobs[1]]
        os.kill(pid, signal.SIGCONT)
        return []

    jobs = wait_until(stopped_at_work, 60)
    try:
        for path in jobs:
            found = path.stat()
            assert (path.owner(), found.st_mode & 0o777) == ("ocrspool", 0o700)
        for path in (SPOOL / "work", _APART / "work", jobs[0], jobs[-1]):
            for command in (("ls", path), ("touch", path / "x"), ("mv", path, SPOOL / "outbox/x")):
                assert as_user(SCANNER, *map(str, command), check=False).returncode, command
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: all(len(two.names("outbox", root)) == len(_MANY) for root in (SPOOL, _APART)), 120)
    assert not two.names("failed") + two.names("failed", _APART)


def test_retry_by_root_leaves_what_is_roots(serving: Machine) -> None:
    """`ocrspool retry --all` as root takes back what the scanner's file was, and nothing that his links lead to."""
    roots = Path("/var/spool/roots")
    roots.mkdir(mode=0o700)
    try:
        (roots / "key.png").write_bytes(b"of root")
        before = tree(os.fspath(roots))
        as_user(SCANNER, "ln", "-s", roots, SPOOL / "failed/sub")
        as_user(SCANNER, "ln", "-s", roots / "key.png", SPOOL / "failed/link.png")
        as_user(SCANNER, "sh", "-c", f"umask 007; echo x > {SPOOL}/failed/mine.png")
        said = run("ocrspool", "retry", "--all", check=False).stdout
        assert "mine.png → " in said
        wait_until(lambda: "mine.png.reason.json" in serving.names("failed"))  # it was read, and is no picture
        assert tree(os.fspath(roots)) == before
        assert not [path for path in (SPOOL / "inbox").iterdir() if "key" in path.name]
    finally:
        shutil.rmtree(roots)


def test_names_that_are_taken(serving: Machine) -> None:
    """By folders, by links and by a closed folder, in the outbox, in done and in failed: each document has an end."""
    as_user(SCANNER, "mkdir", SPOOL / "outbox/folder.png.json", SPOOL / "done/folder.png", SPOOL / "failed/bad.png")
    as_user(SCANNER, "mkdir", SPOOL / "failed/worse.png.reason.json")
    as_user(SCANNER, "ln", "-s", "/etc/hostname", SPOOL / "outbox/link.png.json")
    as_user(SCANNER, "ln", "-s", "/etc/hostname", SPOOL / "done/link.png")
    hostname = Path("/etc/hostname").read_bytes()
    for name in ("folder.png", "link.png"):
        serving.drop(name, drawn_pages.png(name.partition(".")[0]))
    for name in ("bad.png", "worse.png"):
        serving.drop(name, b"no picture")
    wait_until(lambda: len(serving.names("done")) == 3 and len(serving.names("failed")) == 4, 60)  # the link is one
    results = [path for path in (SPOOL / "outbox").glob("*.json") if path.is_file() and not path.is_symlink()]
    assert {json.loads(path.read_bytes())["source"]["path"] for path in results} == {"folder.png", "link.png"}
    assert Path("/etc/hostname").read_bytes() == hostname
    wait_until(lambda: not serving.in_work())


def test_no_lock_is_in_reach(serving: Machine) -> None:
    """Whoever can open a file can lock it: neither an engine, nor its lock, nor that of a spool can be opened."""
    locks = [*ENGINES.glob("*/manifest.json"), *ENGINES.glob("*.lock"), SPOOL / "work/.lock"]
    assert len(locks) >= 3
    for path in locks:
        said = as_user(SCANNER, "flock", "--exclusive", "--nonblock", path, "true", check=False)
        assert said.returncode, path
        assert "Permission denied" in said.stdout
    serving.systemctl("restart", SERVICE)
    assert serving.show("ActiveState") == "active"


def test_an_outbox_that_is_closed(two: Machine) -> None:
    """While the service runs, and over a restart: its inbox waits, the other delivers, and nothing fails."""
    two.start()
    outbox = SPOOL / "outbox"
    shutil.chown(outbox, "root", "root")
    outbox.chmod(0o700)
    try:
        two.drop("waits.png", drawn_pages.png("Waits"))
        wait_until(two.in_work)
        _delivered_soon(two, "during.png")
        two.systemctl("restart", SERVICE)
        _delivered_soon(two, "after.png")
        assert not two.names("failed")
        assert not two.names("failed", _APART)
    finally:
        shutil.chown(outbox, "ocrspool", "ocrspool")
        outbox.chmod(0o2770)
    wait_until(lambda: two.names("outbox") == ["waits.png.json"], 60)


def _delivered_soon(machine: Machine, name: str) -> None:
    """Drop a file into the inbox of the others, whose result is there within seconds."""
    dropped = time.monotonic()
    machine.drop(name, drawn_pages.png("Not in the way"), _APART)
    wait_until(lambda: f"{name}.json" in machine.names("outbox", _APART), 60)
    assert time.monotonic() - dropped < _SOON_SECONDS


def _files(folder: Path) -> dict[str, tuple[int, int, int, int]]:
    """All files below a folder: permissions, owner, size, time of change."""
    return {path: state for path, state in tree(os.fspath(folder)).items() if stat.S_ISREG(state[0])}


def _files_of_the_service(folder: Path) -> None:
    """Have files there that the service may remove: only a link could lead it to them."""
    (folder / "kept").mkdir()
    for path in (folder / "kept", folder / "kept/1.txt", folder / "2.txt"):
        if not path.is_dir():
            path.write_text("kept", "utf-8")
        shutil.chown(path, "ocrspool", "ocrspool")
        path.chmod(0o770 if path.is_dir() else 0o660)
