"""A member of the group who puts things in the way of the installed service: nobody else waits, nothing is touched."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import drawn_pages
from support.drawn_pages import says
from support.lab_machine import SCANNER, SERVICE, SPOOL, Machine, as_user, tree
from support.waiting import wait_until

_OTHER = SPOOL.with_name("other")
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
