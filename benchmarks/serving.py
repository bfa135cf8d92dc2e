"""(no benchmark.) A real service in a folder of its own, for the benchmarks."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

COMMAND = Path(sys.executable).with_name("ocrspool")


@dataclass(frozen=True, slots=True)
class Served:
    """A service that is ready."""

    process: subprocess.Popen[bytes]
    spool: Path
    log: Path
    start_seconds: float
    """From the start of the process to its line that says ready."""
    ready_line: str

    def outcomes(self) -> int:
        """How many files have come out so far, read or failed."""
        failed = sum(1 for path in (self.spool / "failed").rglob("*") if not path.name.endswith(".reason.json"))
        return failed + sum(1 for path in (self.spool / "outbox").rglob("*.json"))

    def wait_for(self, count: int, seconds: float) -> None:
        """Wait until so many files have come out; show how far it is."""
        deadline = time.monotonic() + seconds
        while (done := self.outcomes()) < count:
            if time.monotonic() > deadline or self.process.poll() is not None:
                sys.exit(f"only {done} of {count} came out; see {self.log}")
            print(f"\r{done} of {count}", end="", file=sys.stderr, flush=True)
            time.sleep(0.2)
        print("\r" + " " * 30 + "\r", end="", file=sys.stderr)

    def workers(self) -> list[int]:
        """Return the pids of the workers."""
        service = self.process.pid
        return [pid for pid in children(service) if kind_of(pid, service) == "worker"]

    def processes(self) -> list[int]:
        """Return the service, its decoders and its workers."""
        return [self.process.pid, *children(self.process.pid)]

    def cpu_seconds(self) -> float:
        """Processor time so far of all of them, and of those that have ended."""
        ticks = 0
        for pid in self.processes():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))  # of the process and of its waited-for children: user, system
        return ticks / os.sysconf("SC_CLK_TCK")

    def cpu_of_kinds(self) -> dict[str, float]:
        """Processor time so far, by kind: service, decoder, worker, assembler."""
        spent: dict[str, float] = {}
        for pid in self.processes():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            kind = "service" if pid == self.process.pid else kind_of(pid, self.process.pid)
            spent[kind] = spent.get(kind, 0.0) + sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
        return spent

    def memory(self) -> dict[str, float]:
        """Resident megabytes of the service, its decoders and its workers, by kind."""
        held = {"service": resident(self.process.pid)}
        for child in children(self.process.pid):
            kind = kind_of(child, self.process.pid)
            held[kind] = held.get(kind, 0.0) + resident(child)
        return held


def resident(pid: int) -> float:
    """Resident megabytes of a process (VmRSS)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak(pid: int) -> float:
    """Return the most megabytes that a process has held (VmHWM)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def machine() -> str:
    """Return what this is run on, in a line."""
    facts = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in facts if line.startswith("model name")), "?")
    load = Path("/proc/loadavg").read_text().split()[0]
    return (
        f"{len(os.sched_getaffinity(0))} processors ({model}), Python {platform.python_version()}, load before: {load}"
    )


@contextlib.contextmanager
def serving(
    folder: Path, settings: str = "", command: Path = COMMAND, serve: Sequence[str | Path] = ()
) -> Iterator[Served]:
    """Serve `folder`/spool, with engines out of `folder`/cache. `command` is the program, of this checkout or another.

    `serve` is what serves in its place.

    OCRSPOOL_BENCH_CONFIG may name a TOML file with settings that win over these: another engine, say.
    """
    _end_on_sigterm()
    config, log = folder / "ocrspool.toml", folder / "log"
    config.write_text(f'[paths]\ncache = "cache"\nruntime = "run"\n[inbox.default]\nroot = "spool"\n{settings}')
    if more := os.environ.get("OCRSPOOL_BENCH_CONFIG"):
        (folder / "conf.d").mkdir(exist_ok=True)
        shutil.copy(more, folder / "conf.d" / "bench.toml")
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([command, "prebuild", "--config", config], check=True, stdout=subprocess.DEVNULL, env=variables)
    began = time.monotonic()
    with log.open("w") as file:
        process = subprocess.Popen([*(serve or [command]), "serve", "--config", config], stderr=file, env=variables)
    try:
        while not (ready := [line for line in log.read_text().splitlines() if " ready after " in line]):
            if process.poll() is not None:
                sys.exit(f"the service did not start:\n{log.read_text()}")
            time.sleep(0.005)
        yield Served(process, folder / "spool", log, time.monotonic() - began, ready[0])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def named_corpus() -> Path:
    """Return the folder of documents that OCRSPOOL_CORPUS names."""
    return Path(os.environ.get("OCRSPOOL_CORPUS") or sys.exit("OCRSPOOL_CORPUS names no folder"))


def scratch() -> tempfile.TemporaryDirectory[str]:
    """Return a folder that goes when the benchmark ends."""
    _end_on_sigterm()
    return tempfile.TemporaryDirectory(prefix="ocrspool-bench-")


def _end_on_sigterm() -> None:
    """Let SIGTERM, which `timeout` sends, end this process by an exception: what it has started ends before it."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))


def kind_of(pid: int, service: int) -> str:
    """Return service, decoder, worker or assembler. Raise OSError when it has gone."""
    if pid == service:
        return "service"
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    if b"ocrspool.pipeline.assembling.child" in command:
        return "assembler"
    if b"ocrspool.recognition.child.shared_engine" in command:
        return "engine"
    return "worker" if b"ocrspool.recognition.child" in command or b"standin/worker.py" in command else "decoder"


def children(parent: int) -> list[int]:
    """Return the processes that any thread of the parent started."""
    listed = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(child) for file in listed for child in file.read_text().split()]
