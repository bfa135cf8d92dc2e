"""The examples of docs/backup.md that remove files: they remove what they should, and nothing else."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from support.documented_commands import ROOT

_PAGE = (ROOT / "docs/backup.md").read_text("utf-8")
_SPOOL = Path("var/spool/ocrspool/default")
_FOLDERS = ("inbox", "work", "outbox", "done", "failed")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The root of a machine with an inbox, and one old scan in each of its folders."""
    for folder in _FOLDERS:
        scan = tmp_path / _SPOOL / folder / "scan.png"
        scan.parent.mkdir(parents=True)
        scan.touch()
    return tmp_path


def left(machine: Path) -> set[str]:
    """Return the folders that still have a scan."""
    return {folder for folder in _FOLDERS if (machine / _SPOOL / folder / "scan.png").exists()}


@pytest.mark.skipif(not shutil.which("systemd-tmpfiles"), reason="systemd-tmpfiles is not installed")
def test_systemd_removes_from_done_and_failed(machine: Path) -> None:
    """The lines, with an age that has come already, beside the lines that make the folders."""
    lines = [line for line in _PAGE.splitlines() if line.startswith("e /")]
    assert len(lines) == 2
    settings = machine / "etc/tmpfiles.d"
    settings.mkdir(parents=True)
    (settings / "ocrspool-age.conf").write_text("\n".join(re.sub(r"\d+d$", "0", line) for line in lines) + "\n")
    folders = [f"d /{_SPOOL / folder} 0770" for folder in _FOLDERS]
    (settings / "ocrspool.conf").write_text("\n".join(folders) + "\n")
    subprocess.run(["systemd-tmpfiles", f"--root={machine}", "--clean"], check=True)  # noqa: S607 - the system's own
    assert left(machine) == {"inbox", "work", "outbox"}


def test_find_names_what_came_to_done(machine: Path) -> None:
    """The command, of files that came a moment ago; their scans may be as old as they like."""
    (command,) = (line for line in _PAGE.splitlines() if line.startswith("find "))
    assert command.endswith(" -ctime +30")
    (machine / "sent.png").touch()
    (machine / "sent.png").rename(machine / _SPOOL / "done/scan.png")
    words = shlex.split(command.replace("/var/spool", f"{machine}/var/spool"))
    assert subprocess.run(words, check=True, capture_output=True).stdout == b""  # nothing is that old
    words[-1] = "-1"
    subprocess.run([*words, "-delete"], check=True)
    assert left(machine) == {"inbox", "work", "outbox", "failed"}
