"""The quick start for the CPU, followed to the letter: each block of docs/quick-start.md as it is written.

`scripts/install` is what the fixtures have run, with everything that it needs. tests/test_quick_starts.py says which
test covers which step of the other quick starts.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.drawn_pages import png
from support.lab_machine import CONFIGURATION, SCANNER, SPOOL, Machine, as_user, record, run
from support.quick_starts import READER, sections
from support.waiting import wait_until

_DESK = Path("/var/tmp/desk")  # noqa: S108 - of this throwaway machine
_WRITTEN = CONFIGURATION.with_name("conf.d") / "outputs.toml"
_AS_ROOT = 'sudo() { "$@"; }\n'
"""root follows the page; a throwaway machine has no sudo."""


@pytest.fixture
def desk() -> Iterator[Path]:
    """A folder of the reader's with a scan, and no configuration of the page left behind."""
    _DESK.mkdir()
    (_DESK / "scan.png").write_bytes(png("Followed to the letter"))
    for path in (_DESK, _DESK / "scan.png"):
        shutil.chown(path, SCANNER, SCANNER)
    yield _DESK
    shutil.rmtree(_DESK)
    _WRITTEN.unlink(missing_ok=True)


def follow(block: str, folder: Path) -> str:
    """Run a block as root, or with `as_reader` below; stop at the first command that fails."""
    return run("sh", "-ec", f'cd "{folder}"\n{_AS_ROOT}{block.replace(READER, SCANNER)}').stdout


def as_reader(block: str, folder: Path) -> str:
    """Run a block as the user who drops files."""
    return as_user(SCANNER, "sh", "-ec", f'cd "{folder}"\nPATH=/usr/local/bin:/usr/bin:/bin\n{block}').stdout


def result(name: str = "scan.png") -> Path:
    """Wait for the result of a file; return its path."""
    path = SPOOL / "outbox" / f"{name}.json"
    wait_until(path.is_file, 120)
    wait_until((SPOOL / "done" / name).is_file, 30)
    return path


def test_cpu(machine: Machine, desk: Path) -> None:
    """A member of the group drops a scan and reads its text; with the further setting, a PDF and a text come too."""
    install, drop, fetch, more = sections()["CPU"]
    clone, script, join = install.splitlines()
    assert clone.startswith("git clone")
    assert script == "sudo scripts/install"
    assert machine.installed
    machine.start()
    follow(join, desk)

    assert "default" in as_reader(drop, desk)
    result()
    said = as_reader(fetch, desk)
    record("quick-start-cpu.txt", said)
    text, _, done = said.rpartition("}\n")
    assert "Followed to the letter" in json.loads(text + "}")["text"]
    assert done.split() == ["scan.png"]

    before = time.time()
    follow(more, desk)
    # systemd 252 returns when the signal is sent.
    wait_until(lambda: "reload" in machine.journal(before, "_COMM=ocrspool"), 60)
    result().unlink()
    as_user(SCANNER, "mv", SPOOL / "done/scan.png", SPOOL / "inbox/scan.png")
    result()
    assert (SPOOL / "outbox/scan.png.pdf").read_bytes().startswith(b"%PDF-")
    assert "Followed" in (SPOOL / "outbox/scan.png.txt").read_text("utf-8")
