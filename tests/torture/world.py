"""A real service, its folders and mounts, those who use it, and what can be done to all of that."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from ocrspool.spool.layout import STATES
from support import worker_replacement
from support.daemon_process import Daemon
from support.filesystem_images import CommandError, Disk, NoDiskError, run
from support.hanging_share import HangingShare
from support.waiting import wait_until
from torture.consumer import Consumer
from torture.judge import Verdict
from torture.producer import Producer

PATIENCE_SECONDS = 180.0
"""Of a machine that has nothing else to do (support/waiting.py): what takes longer hangs."""
SETTINGS = """
[service]
worker_seconds = 12
worker_pages = 150
[limits]
page_seconds = 12
memory_mb = 64
free_disk_mb = 1
"""
"""Workers are replaced all the time; who hangs is found in seconds; the disk is small."""


def inbox_table(name: str, root: object) -> str:
    """Return the TOML of an inbox that is quick."""
    return f"[inbox.{name}]\nroot = '{root}'\nsettle_seconds = 0.3\nincomplete_seconds = 1\npoll_seconds = 1\n"


INBOX = inbox_table("default", "spool")
DISK = "32m"
_SHIM = Path(__file__).with_name("shim.c")
_CONTROL = struct.Struct("=iiqii4072s")


class World:
    """Everything that a fault may touch. Producer and consumer are at `spool`; the service sees a mount of that."""

    def __init__(self, folder: Path, cache: Path | None, seed: int, *, outbox_elsewhere: bool = False) -> None:
        """`cache` has the engine; None is for a stub that answers at once."""
        self.folder = folder
        self.stub = cache is None
        self.random = random.Random(seed)
        self.mounts = os.environ.get("TORTURE_MOUNTS") == "1"
        self.disk = folder / "disk"
        self.disk.mkdir()
        self.cache = folder / "cache"
        self.cache.mkdir() if cache is None else shutil.copytree(cache, self.cache)
        if self.mounts:
            run("mount", "-t", "tmpfs", "-o", f"size={DISK}", "ocrspool-torture", self.disk)
        self.daemon = Daemon(folder / "d", self.cache, INBOX, SETTINGS, start_seconds=PATIENCE_SECONDS)
        if shutil.which("setpriv"):  # whoever kills the campaign ends its service too, and with it all mounts
            self.daemon.wrapper = ("setpriv", "--pdeathsig", "KILL")
        if self.stub:
            self.daemon.wrapper += worker_replacement.wrapper(folder, "support.instant_worker")
        self.spool = self.disk / "spool" if self.mounts else self.daemon.spool
        self.at = {state: self.spool / state for state in STATES}
        """The five folders, where their users find them."""
        self.seen = {state: self.daemon.spool / state for state in STATES}
        """And where the service does."""
        if outbox_elsewhere:
            self.at["outbox"] = self.seen["outbox"] = folder / "elsewhere"
            self.daemon.inboxes += f"outbox = '{folder / 'elsewhere'}'\n"
            self.daemon.configure()
        for path in self.at.values():
            path.mkdir(parents=True)
        if self.mounts:
            self.daemon.spool.mkdir()
            self.mount()
        self._control = folder / "control"
        self.shim = self._compile(folder / "shim.so")
        self.forgiven = 0.0
        """When the fault was over, on the monotonic clock, and the way back to work began."""
        self.verdicts: list[Verdict] = []
        """Of this round: what the judge says, of the second inbox too."""
        self.notes: list[str] = []
        """Of this round: what is worth telling."""
        self._no_disk: dict[str, str] = {}
        outside = self.disk / "outside" if self.mounts else folder / "outside"
        outside.mkdir()
        self.consumer = Consumer(self.at["outbox"])
        self.producer = Producer(self.spool / "inbox", outside, seed, stub=self.stub)

    def _compile(self, library: Path) -> bool:
        """Make what lets calls fail; False where there is no compiler."""
        if shutil.which("cc") is None:
            return False
        run("cc", "-shared", "-fPIC", "-O1", "-o", library, _SHIM, "-ldl")
        self.control()
        self.daemon.variables.update(LD_PRELOAD=os.fspath(library), TORTURE_CONTROL=os.fspath(self._control))
        return True

    def control(
        self,
        error: int = 0,
        below: Path | None = None,
        *,
        reading: bool = False,
        seconds: int = 0,
        no_threads: bool = False,
    ) -> None:
        """Let the service's calls below a folder fail, its clock be so many seconds ahead, or no thread begin.

        Without arguments: nothing of it.
        """
        content = _CONTROL.pack(error, reading, seconds, no_threads, 0, os.fsencode(below or ""))
        with self._control.open("r+b" if self._control.exists() else "wb") as file:
            file.write(content)

    def mount(self) -> None:
        """Mount the spool where the service looks for it."""
        run("mount", "--bind", self.spool, self.daemon.spool)

    def unmount(self) -> None:
        """Take it away, whoever uses it."""
        run("umount", "--lazy", self.daemon.spool)

    @contextlib.contextmanager
    def read_only(self, folder: Path) -> Iterator[None]:
        """Mount a folder over itself, read-only."""
        run("mount", "--bind", folder, folder)
        try:
            wait_until(lambda: _closed_for_writing(folder))
            yield
        finally:
            run("umount", "--lazy", folder)

    def no_disk(self, kind: str) -> str:
        """Return why no filesystem of this kind can be had; "" where it can. Tried once."""
        if kind not in self._no_disk:
            self._no_disk[kind] = "" if self.mounts else "root is needed to mount it"
            if self.mounts:
                try:
                    Disk(self.folder / f"tried-{kind}", kind).remove()
                except NoDiskError as error:
                    self._no_disk[kind] = f"{error}"
        return self._no_disk[kind]

    def no_share(self) -> str:
        """Return why no FUSE filesystem can be mounted; "" where one can. Tried once."""
        if "fuse" not in self._no_disk:
            self._no_disk["fuse"] = "" if self.mounts else "root is needed to mount it"
            if self.mounts:
                try:
                    HangingShare(self.folder / "tried-fuse").remove()
                except NoDiskError as error:
                    self._no_disk["fuse"] = f"{error}"
        return self._no_disk["fuse"]

    def pause(self, least: float, most: float) -> None:
        """Let some time pass, as the seed says."""
        time.sleep(self.random.uniform(least, most))

    def over(self) -> None:
        """The fault is over: time to recover is counted from here."""
        self.forgiven = time.monotonic()

    def restart(self) -> None:
        """Kill the service and start another one, as systemd would."""
        self.daemon.kill9()
        self.over()
        self.daemon.start()

    def busy(self) -> None:
        """Wait until documents are in work, and some have come out."""
        began = time.monotonic()
        wait_until(lambda: self.consumer.arrivals and self.consumer.arrivals[-1] > began, PATIENCE_SECONDS)
        wait_until(self.daemon.in_work, PATIENCE_SECONDS)

    def recovered(self, patience: float = PATIENCE_SECONDS) -> float:
        """Wait for the next result after the fault; how long that took."""
        wait_until(lambda: self.consumer.arrivals[-1] > self.forgiven, patience)
        return next(at for at in self.consumer.arrivals if at > self.forgiven) - self.forgiven

    def idle(self) -> None:
        """Wait until all that was dropped has come out.

        A job's folder may stay behind without its source, where it could not be removed: it goes with a later job.
        """
        until_idle(self.at)

    def clear(self) -> None:
        """Take everything away that has come out, as its users do."""
        self.consumer.close()
        for state in ("outbox", "done", "failed"):
            for path in self.at[state].iterdir():
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        self.producer.dropped.clear()
        self.consumer = Consumer(self.at["outbox"])

    def close(self) -> None:
        self.producer.close()
        self.consumer.close()
        try:
            self.daemon.close()
        finally:
            if self.mounts:
                self.unmount()
                run("umount", "--lazy", self.disk)


def until_idle(at: dict[str, Path]) -> None:
    """Wait until no document is in the inbox or in work."""
    try:
        wait_until(lambda: not documents_in(at), PATIENCE_SECONDS)
    except AssertionError:
        raise AssertionError(f"left after {PATIENCE_SECONDS:g} s: {documents_in(at)}") from None


def documents_in(at: dict[str, Path]) -> list[Path]:
    """Return the documents in the inbox and in work. Records of jobs are none.

    A claim moves a document from the inbox to work, and it may be given back. So the inbox is looked at twice.
    """
    waiting = files_below(at["inbox"])
    in_work = [path for path in files_below(at["work"]) if "source" in path.relative_to(at["work"]).parts[1:2]]
    return [*waiting, *in_work, *files_below(at["inbox"])]


def files_below(folder: Path) -> list[Path]:
    """Return the files below a folder, but for the lock; no links."""
    found = [Path(at, name) for at, _, names in os.walk(folder) for name in names if name != ".lock"]
    return [path for path in found if not path.is_symlink()]


def _closed_for_writing(mounted: Path) -> bool:
    """Make a mount read-only. Return False where it is busy: while a file is open for writing there."""
    try:
        run("mount", "-o", "remount,bind,ro", mounted)
    except CommandError as error:
        if "busy" not in str(error):
            raise
        return False
    return True
