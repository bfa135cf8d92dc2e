"""This machine, when it is the throwaway one of systemd-lab: real scripts, the real systemd, the installed service."""

from __future__ import annotations

import itertools
import json
import os
import pwd
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.process_table import children_of, is_module
from support.waiting import wait_until

SERVICE = "ocrspool.service"
PREBUILD = "ocrspool-prebuild.service"
OPT = Path("/opt/ocrspool")
CONFIGURATION = Path("/etc/ocrspool/ocrspool.toml")
SPOOL = Path("/var/spool/ocrspool/default")
ENGINES = Path("/var/cache/ocrspool/engines")
SCANNER = "scanner"
"""A user who may drop files: nothing but a member of the group ocrspool."""

RECORDS = "OCRSPOOL_LAB_RECORDS"
"""Names the folder, outside of the lab, for what is worth quoting."""

_MORE = CONFIGURATION.with_name("conf.d") / "50-test.toml"
_DROP_INS = Path("/etc/systemd/system")
_KEPT = Path("/opt/kept")
_OUTSIDE = Path("/var/spool/outside")
"""Beside the spool, so that files are renamed into an inbox whole."""

Result = subprocess.CompletedProcess[str]


def run(*command: str | Path, check: bool = True, **variables: str) -> Result:
    """Run a command to its end; both of its outputs come as one."""
    result = subprocess.run(
        command,
        check=False,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=400,
    )
    assert not check or result.returncode == 0, f"{command} ended with {result.returncode}:\n{result.stdout}"
    return result


def dpkg(*arguments: str | Path, check: bool = True) -> str:
    """Run dpkg; what does not survive a power failure need not be waited for here."""
    return run("dpkg", "--force-unsafe-io", *arguments, check=check).stdout


def record(name: str, text: str) -> None:
    """Keep what a test has seen, for those who want to quote it."""
    print(text)  # noqa: T201 - pytest shows it with a failure
    if folder := os.environ.get(RECORDS):
        Path(folder, name).write_text(text, "utf-8")


def tree(*roots: str) -> dict[str, tuple[int, int, int, int]]:
    """All that is below these folders: kind and permissions, owner, size, time of change."""
    found = {}
    for root in roots:
        for at, folders, files in os.walk(root):
            for name in [".", *folders, *files]:
                path = os.path.normpath(os.path.join(at, name))  # noqa: PTH118 - text is what is compared
                state = os.lstat(path)
                found[path] = (state.st_mode, state.st_uid, state.st_size, state.st_mtime_ns)
    return found


@dataclass
class Machine:
    """What a test does to the machine, and sees of it."""

    checkout: Path
    """A copy: what others do to the real one meanwhile is not our business."""
    _drops: itertools.count[int] = field(default_factory=itertools.count)
    _plain: bool = False
    """Whether the service was started as it was installed, and nothing has been changed since."""

    def script(self, name: str, *arguments: str, check: bool = True, **variables: str) -> Result:
        """Run one of the checkout's scripts."""
        return run(self.checkout / "scripts" / name, *arguments, check=check, **variables)

    @property
    def installed(self) -> bool:
        return (OPT / "made-from").exists()

    def systemctl(self, *arguments: str, check: bool = True) -> Result:
        """Run systemctl, with the journal in the message when it fails."""
        before = time.time()
        result = run("systemctl", *arguments, check=False)
        assert not check or result.returncode == 0, f"systemctl {arguments}: {result.stdout}\n{self.journal(before)}"
        return result

    def start(self) -> None:
        self.systemctl("start", SERVICE)

    def stop(self) -> None:
        self._plain = False
        self.systemctl("stop", SERVICE)

    def reload(self) -> None:
        """Reload, and wait until that is over: systemd 252 returns when the signal is sent."""
        before = time.time()
        self.systemctl("reload", SERVICE)
        wait_until(lambda: "reload" in self.journal(before, "_COMM=ocrspool"), 60)
        wait_until(lambda: self.show("ActiveState") == "active", 60)

    def show(self, name: str, unit: str = SERVICE) -> str:
        """One property of a unit."""
        return run("systemctl", "show", "--value", "--property", name, unit).stdout.strip()

    def seconds(self, name: str, unit: str = SERVICE) -> float:
        """One of a unit's times, on the monotonic clock."""
        return int(self.show(name, unit)) / 1e6

    @property
    def pid(self) -> int:
        return int(self.show("MainPID"))

    def children(self, module: str) -> list[int]:
        """The service's children that run this module."""
        return [pid for pid in children_of(self.pid) if is_module(pid, module)]

    def journal(self, since: float = 0, *matches: str) -> str:
        """What both units, and systemd of them, have said since then (`time.time()`)."""
        run("journalctl", "--sync")
        units = ["--unit", SERVICE, "--unit", PREBUILD]
        # Not --after-cursor: systemd 252 leaves out the first entry where the cursor's own does not match.
        place = f"--since=@{since:.6f}"
        return run("journalctl", "--quiet", "--output=short-monotonic", *units, place, *matches, check=False).stdout

    def configure(self, more: str) -> None:
        """Let these settings win over the installed ones."""
        self._plain = False
        _MORE.parent.mkdir(exist_ok=True)
        _MORE.write_text(more, "utf-8")

    def drop_in(self, unit: str, text: str, name: str = "test.conf") -> None:
        """Change a unit as an administrator does."""
        self._plain = False
        folder = _DROP_INS / f"{unit}.d"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
        self.systemctl("daemon-reload")

    def no_prebuild(self) -> None:
        """Have the prebuild do nothing, as often as asked; a drop-in cannot take out a dependency."""
        self.drop_in(
            PREBUILD, "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStartPre=\nExecStart=\nExecStart=/bin/true\n"
        )

    def reset(self) -> None:
        """Back to the service as installed, stopped, its spool empty."""
        self._plain = False
        if not self.installed:
            self._put_back()
        self.systemctl("kill", "--signal=KILL", "--kill-whom=all", SERVICE, PREBUILD, check=False)
        self.systemctl("stop", SERVICE, PREBUILD)
        for unit in (SERVICE, PREBUILD):
            shutil.rmtree(_DROP_INS / f"{unit}.d", ignore_errors=True)
        _MORE.unlink(missing_ok=True)
        self._empty_spool()
        self.systemctl("daemon-reload")
        self.systemctl("reset-failed")

    def run_plain(self) -> None:
        """Have the service run as it was installed, its spool empty."""
        if self._plain and self.show("ActiveState") == "active":
            wait_until(lambda: not self.in_work(), 60)
            self._empty_spool()
            return
        self.reset()
        self.start()
        self._plain = True

    def keep_program(self) -> None:
        """Keep a copy of the program, for the tests that come after the one that removes it."""
        if not _KEPT.exists():
            run("cp", "--archive", "--link", OPT, _KEPT)

    def _put_back(self) -> None:
        _KEPT.rename(OPT)
        self.script("install", "--no-start")
        run("usermod", "--append", "--groups", "ocrspool", SCANNER)

    def _empty_spool(self) -> None:
        for path in SPOOL.glob("*/*"):
            if path.name == ".lock":
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def drop(self, name: str, data: bytes, root: Path = SPOOL) -> None:
        """Rename a whole file into an inbox."""
        _OUTSIDE.mkdir(exist_ok=True)
        made = _OUTSIDE / str(next(self._drops))
        made.write_bytes(data)
        made.rename(root / "inbox" / name)

    def names(self, state: str, root: Path = SPOOL) -> list[str]:
        """The files of a state."""
        return sorted(path.name for path in (root / state).iterdir() if path.is_file() and path.name != ".lock")

    def in_work(self) -> list[str]:
        return [path.name for path in (SPOOL / "work").iterdir() if path.is_dir()]

    def results(self, root: Path = SPOOL) -> dict[str, Any]:
        """Every result in the outbox, by the name of its source. Each must be whole."""
        found = {
            name.removesuffix(".json"): json.loads((root / "outbox" / name).read_bytes())
            for name in self.names("outbox", root)
        }
        for name, result in found.items():
            assert result["schema"] == "ocrspool-result/1", name
            assert result["source"]["name"] == name
        return found

    def wait_for(self, names: list[str], root: Path = SPOOL, seconds: float = 120) -> dict[str, Any]:
        """Wait until these files and no others have been read, each exactly once; their results."""
        try:
            wait_until(lambda: len(self.names("done", root)) >= len(names) or self.names("failed", root), seconds)
            wait_until(lambda: not self.in_work(), 30)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.journal()[-6000:]}") from None
        results = self.results(root)
        assert sorted(results) == self.names("done", root) == sorted(names)
        assert not self.names("failed", root)
        assert not self.names("inbox", root)
        return results


def as_user(name: str, *command: str | Path, check: bool = True) -> Result:
    """Run a command as this user, with the groups that the user has."""
    user = pwd.getpwnam(name)
    rights = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups"]
    return run("setpriv", *rights, *command, check=check)
