"""A real service for tests: its configuration, its process, its folders, and the socket on which it notifies."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.process_table import children_of, is_module, lives
from support.waiting import wait_until

COMMAND = Path(sys.executable).with_name("ocrspool")
START_SECONDS = 90.0
RESULT_SECONDS = 90.0

_MINE = ("HOME", "PATH", "LANG", "TMPDIR")


def environment(**more: str) -> dict[str, str]:
    """A small environment: nothing of the test run's own systemd or Python leaks in."""
    return {**{name: os.environ[name] for name in _MINE if name in os.environ}, **more}


def ocrspool(
    *arguments: str | Path, seconds: float = 120, user: int | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the installed command to its end."""
    return subprocess.run(
        [COMMAND, *arguments],
        check=False,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        env=environment(**more),
        timeout=seconds,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )


class NotifySocket:
    """The other end of sd_notify(3), as systemd has it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(os.fspath(path))
        self._end, self._ending = socket.socketpair()
        self._messages: list[str] = []
        # A daemon, because one that nobody closes must not keep the test run from ending.
        self._thread = threading.Thread(target=self._listen, name="notify", daemon=True)
        self._thread.start()

    def messages(self) -> list[str]:
        """Everything so far, in order."""
        return list(self._messages)

    def close(self) -> None:
        """Stop listening, if that has not been done yet."""
        self._ending.close()
        self._thread.join()
        self._socket.close()
        self._end.close()
        self.path.unlink(missing_ok=True)

    def _listen(self) -> None:
        while True:
            ready, _, _ = select.select([self._socket, self._end], [], [])
            if self._socket not in ready:
                return
            self._messages += self._socket.recv(65536).decode("utf-8", "backslashreplace").splitlines()


@dataclass
class Daemon:
    """One service and everything around it. `close` ends it, and checks that it has left nothing behind."""

    folder: Path
    cache: Path
    inboxes: str = "[inbox.default]\nroot = 'spool'\nsettle_seconds = 0.5\n"
    """TOML; folders are relative to `folder`."""
    more: str = ""
    """TOML of any other tables."""
    variables: dict[str, str] = field(default_factory=dict)
    user: int | None = None
    wrapper: tuple[str, ...] = ()
    """A command that becomes the service, given in its arguments."""
    process: subprocess.Popen[bytes] | None = None
    start_seconds: float = START_SECONDS
    """How long a start may take."""
    _drops: itertools.count[int] = field(default_factory=itertools.count)
    _known: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.spool = self.folder / "spool"
        self.config = self.folder / "ocrspool.toml"
        self.log_file = self.folder / "log"
        self.configure()
        self.notify = NotifySocket(self.folder / "notify")

    def configure(self, more: str | None = None) -> None:
        """Write the configuration, with other tables if so wished."""
        self.more = self.more if more is None else more
        paths = f"[paths]\ncache = '{self.cache}'\nruntime = 'run'\n"
        self.config.write_text(f"{paths}{self.inboxes}{self.more}", "utf-8")

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def spawn(self) -> None:
        """Start it, without waiting for anything."""
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, COMMAND, "serve", "--config", self.config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(NOTIFY_SOCKET=os.fspath(self.notify.path), **self.variables),
                start_new_session=True,
                user=self.user,
                group=self.user,
                extra_groups=None if self.user is None else [],
            )

    def start(self) -> None:
        """Start it and wait until it says READY=1."""
        before = self.said("READY=1")
        self.spawn()
        wait_until(lambda: self.said("READY=1") > before or not self.runs(), self.start_seconds)
        assert self.runs(), self.log()
        self.children()

    def said(self, message: str) -> int:
        """How often it has notified just so."""
        return self.notify.messages().count(message)

    def runs(self) -> bool:
        assert self.process is not None
        return self.process.poll() is None

    def wait(self, seconds: float = 90) -> int:
        """Wait for its end; the exit code."""
        assert self.process is not None
        return self.process.wait(seconds)

    def stop(self, seconds: float = 90) -> int:
        """SIGTERM, as systemd does; the exit code."""
        self.children()
        self.send(signal.SIGTERM)
        return self.wait(seconds)

    def kill9(self) -> None:
        self.children()
        self.send(signal.SIGKILL)
        self.wait()

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def send_to(self, pid: int, number: signal.Signals) -> None:
        """Send a signal to one of its children."""
        assert pid in self.children()
        os.kill(pid, number)

    def children(self) -> list[int]:
        """The pids of its living children."""
        found = children_of(self.pid)
        self._known.update(found)
        return found

    def workers(self) -> list[int]:
        return [pid for pid in self.children() if is_module(pid, "ocrspool.recognition.child")]

    def decoders(self) -> list[int]:
        return [pid for pid in self.children() if is_module(pid, "ocrspool.decoding.child")]

    def childless(self) -> bool:
        """Whether every child that was ever seen has gone."""
        return not any(lives(pid) and is_module(pid, module) for pid in self._known for module in _MODULES)

    def log(self) -> str:
        return self.log_file.read_text("utf-8", "replace") if self.log_file.exists() else ""

    def root(self, inbox: str = "") -> Path:
        return self.folder / (inbox or "spool")

    def drop(self, name: str, data: bytes, inbox: str = "") -> Path:
        """Rename a whole file into the inbox, as a careful sender does."""
        outside = self.folder / "outside"
        outside.mkdir(exist_ok=True)
        made = outside / str(next(self._drops))
        made.write_bytes(data)
        target = self.root(inbox) / "inbox" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        return made.rename(target)

    def result_path(self, name: str, inbox: str = "") -> Path:
        return self.root(inbox) / "outbox" / f"{name}.json"

    def result(self, name: str, inbox: str = "", seconds: float = RESULT_SECONDS) -> dict[str, Any]:
        """Wait for the result of a file, and for the source to have left work/."""
        path = self.result_path(name, inbox)
        self._until(path.exists, f"no {path}", seconds)
        wait_until(lambda: not self.in_work(inbox), seconds)
        found: dict[str, Any] = json.loads(path.read_bytes())
        return found

    def reason(self, name: str, inbox: str = "", seconds: float = RESULT_SECONDS) -> dict[str, Any]:
        """Wait for a file to fail; why it did."""
        path = self.root(inbox) / "failed" / f"{name}.reason.json"
        self._until(path.exists, f"no {path}", seconds)
        assert (self.root(inbox) / "failed" / name).is_file()
        found: dict[str, Any] = json.loads(path.read_bytes())
        return found

    def idle(self, inbox: str = "", seconds: float = RESULT_SECONDS) -> None:
        """Wait until nothing waits and nothing is in work."""
        self._until(lambda: not self.files("inbox", inbox) and not self.in_work(inbox), "not idle", seconds)

    def files(self, state: str, inbox: str = "") -> list[str]:
        """The regular files of a state, as paths below it."""
        folder = self.root(inbox) / state
        return sorted(
            os.path.relpath(os.path.join(at, name), folder)  # noqa: PTH118 - of names that may be any bytes
            for at, _, names in os.walk(folder)
            for name in names
            if name != ".lock"
        )

    def in_work(self, inbox: str = "") -> list[Path]:
        """The folders of the jobs in work."""
        work = self.root(inbox) / "work"
        return [path for path in work.iterdir() if path.is_dir()] if work.is_dir() else []

    def _until(self, condition: Callable[[], object], problem: str, seconds: float) -> None:
        try:
            wait_until(lambda: condition() or not self.runs(), seconds)
            assert condition()
        except AssertionError:
            raise AssertionError(f"{problem}; the log:\n{self.log()[-8000:]}") from None

    def close(self) -> None:
        """End it if it still runs; then nothing of it may be left: no process, no half file. Fails after that only."""
        with contextlib.ExitStack() as at_last:
            at_last.callback(self.notify.close)
            at_last.callback(self._kill_children)
            if self.process is not None and self.runs():
                at_last.callback(self._kill)
                self._end()
            wait_until(self.childless, 15)
        self.check_outboxes()

    def _end(self) -> None:
        """Stop it, also where it was halted. Fails when it does not."""
        self.children()
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            self.wait(60)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(f"SIGTERM did not end the service; the log:\n{self.log()[-8000:]}") from None

    def _kill(self) -> None:
        """Kill it, if it still runs."""
        if self.runs():
            self.send(signal.SIGKILL)
            self.wait()

    def _kill_children(self) -> None:
        """Kill those that were ever seen, if they still live."""
        for pid in self._known:
            if any(is_module(pid, module) for module in _MODULES):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def check_outboxes(self) -> None:
        """Every file in an outbox is a whole result, or lies beside one that names it."""
        for outbox in self.folder.glob("*/outbox"):
            for at, _, names in os.walk(outbox):
                results = {name for name in names if name.endswith(".json")}
                beside = set(names) - results
                for name in results:
                    found = json.loads(Path(at, name).read_bytes())
                    assert found["schema"] == "ocrspool-result/1", name
                    stem = name.removesuffix(".json")
                    beside -= {stem + output["suffix"] for output in found["outputs"]} | {f"{stem}.done"}
                assert not beside, f"stray files in the outbox: {beside}"


_MODULES = ("ocrspool.recognition.child", "ocrspool.decoding.child")


NewDaemon = Callable[..., Daemon]
"""Makes a daemon for one test: the fixture `new_daemon`."""
