"""What a cluster costs and gives, with workers that take a fixed time for a page: scripts/bench cluster [PAGES].

Scheduler and hosts are processes of this machine, on its loopback address, without encryption. The worker is a stand-in
that waits, so that the cores of this machine do not decide how fast three hosts are.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

from ocrspool.config.current import CurrentConfig
from ocrspool.config.loader import load
from ocrspool.pages import PageImage, PageOptions, Recognized
from ocrspool.recognition.pool import WorkerPool
from serving import children, kind_of, machine, scratch
from support import worker_replacement
from support.daemon_process import COMMAND
from support.waiting import wait_until

SCHEDULER = "tcp://127.0.0.1:8796"
SIZES = {"0.05 MB": (250, 200), "1 MB": (1000, 1000), "6 MB": (3000, 2000), "26 MB": (6500, 4000)}
"""Height and width of grey pages."""
ALONE = 40
"""Pages of each size that are read one after the other."""
PAGE_MS = 100
LEAST_MS = 64
"""The stand-in can be no faster."""
HOSTS = (1, 2, 3)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 240
    print(machine())
    with scratch() as name:
        folder = Path(name)
        python = worker_replacement.python(folder, "support.fixed_time_worker")
        with pool(folder, python, "local", devices=("cpu",)) as local:
            here = {size: latencies(local, *shape) for size, shape in SIZES.items()}
        with scheduler(folder, python) as at:
            with nodes(folder, python, 1, LEAST_MS), pool(folder, python, "service") as there:
                overhead({size: latencies(there, *shape) for size, shape in SIZES.items()}, here)
                with service(folder, python, "plain", ("cpu",)) as plain, service(folder, python, "whole", ()) as whole:
                    assembler = next(pid for pid in children(whole) if kind_of(pid, whole) == "assembler")
                    services = {"service without a cluster": plain, "service with one": whole, "assembler": assembler}
                    memory({**services, **at, **processes(folder, there)})
            rates(folder, python, count)


def overhead(there: dict[str, list[float]], here: dict[str, list[float]]) -> None:
    """Print what a page takes more at a host than at a worker of this machine."""
    print("\n| page | here, ms | at a host, ms | more, ms |\n|---|---|---|---|")
    for size, seconds in there.items():
        one, other = (1000 * statistics.median(each) for each in (here[size], seconds))
        print(f"| {size} | {one:.1f} | {other:.1f} | {other - one:.1f} |")


def rates(folder: Path, python: Path, count: int) -> None:
    """Print how many pages hosts read in a second, where each could read 1000 / PAGE_MS."""
    print(f"\npages of 1 MB, {PAGE_MS} ms each, {count} for each host")
    print("\n| hosts | pages/s | of what they could |\n|---|---|---|")
    for hosts in HOSTS:
        with nodes(folder, python, hosts, PAGE_MS), pool(folder, python, "service", hosts=hosts) as there:
            began = time.monotonic()
            for future in [read(there, 1000, 1000) for _ in range(count * hosts)]:
                future.result()
            rate = count * hosts / (time.monotonic() - began)
            print(f"| {hosts} | {rate:.1f} | {100 * rate * PAGE_MS / 1000 / hosts:.1f} % |", flush=True)


def latencies(pool: WorkerPool, height: int, width: int) -> list[float]:
    """Return what each of some pages takes that are read one after the other."""
    found = []
    for _ in range(ALONE):
        began = time.monotonic()
        read(pool, height, width).result()
        found.append(time.monotonic() - began)
    return found


def read(pool: WorkerPool, height: int, width: int) -> Future[Recognized]:
    descriptor = os.memfd_create("page")
    os.ftruncate(descriptor, height * width)
    os.pwrite(descriptor, b"\1" * 64, 0)
    return pool.submit(PageImage(1, width, height, 1, width, height, None, descriptor), PageOptions("off", "none"))


def memory(pids: dict[str, int]) -> None:
    """Print what each process holds, with its share of what several map."""
    print("\n| process | resident, MB | proportional, MB |\n|---|---|---|")
    for name, pid in pids.items():
        rows = dict(line.split(":") for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
        rss, pss = (int(rows[key].split()[0]) / 1000 for key in ("Rss", "Pss"))
        print(f"| {name} | {rss:.0f} | {pss:.0f} |")


def processes(folder: Path, pool: WorkerPool) -> dict[str, int]:
    hosts = pool.status().hosts
    return {"bridge": hosts.pids[0] if hosts else 0, "agent": int((folder / "host1.pid").read_text())}


def configuration(folder: Path, name: str, devices: tuple[str, ...], page_ms: int, least: int) -> Path:
    path = folder / name / "ocrspool.toml"
    path.parent.mkdir(exist_ok=True)
    cluster = (
        ""
        if name in {"local", "plain"}
        else f"[cluster]\nscheduler = '{SCHEDULER}'\nport = 0\nname = '{name}'\nleast_hosts = {least}\n"
    )
    path.write_text(
        f"[paths]\ncache = 'cache'\nruntime = 'run'\n[engine]\ndevices = {list(devices)}\nworkspace_mb = {page_ms}\n"
        f"[limits]\nfree_memory_mb = 0\n[inbox.default]\nroot = 'spool'\n{cluster}",
        "utf-8",
    )
    return path


@contextlib.contextmanager
def pool(
    folder: Path, python: Path, name: str, *, devices: tuple[str, ...] = (), hosts: int = 1
) -> Iterator[WorkerPool]:
    """Run the part of a service that recognizes: here, without decoders."""
    live = CurrentConfig(load(configuration(folder, name, devices, LEAST_MS, hosts)))
    before, sys.executable = sys.executable, str(python)
    made = WorkerPool(live, lambda _: None)
    try:
        made.start()
        made.wait_ready()
        yield made
    finally:
        made.close()
        sys.executable = before


@contextlib.contextmanager
def service(folder: Path, python: Path, name: str, devices: tuple[str, ...]) -> Iterator[int]:
    """Run a whole service until it is ready."""
    path = configuration(folder, name, devices, LEAST_MS, 1)
    with running(folder, python, name, "serve", path) as pid:
        wait_until((path.parent / "run" / "status.json").exists)
        yield pid


@contextlib.contextmanager
def scheduler(folder: Path, python: Path) -> Iterator[dict[str, int]]:
    path = configuration(folder, "scheduler", (), PAGE_MS, 1)
    with running(folder, python, "scheduler", "cluster", "scheduler", path) as pid:
        wait_until(lambda: "hosts can join" in (folder / "scheduler.log").read_text())
        yield {"scheduler": pid}


@contextlib.contextmanager
def nodes(folder: Path, python: Path, count: int, page_ms: int) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for number in range(1, count + 1):
            name = f"host{number}"
            path = configuration(folder, name, ("cpu",), page_ms, 1)
            pid = stack.enter_context(running(folder, python, name, "node", path))
            (folder / f"{name}.pid").write_text(str(pid))
        yield


@contextlib.contextmanager
def running(folder: Path, python: Path, name: str, *command: str | Path) -> Iterator[int]:
    *words, path = command
    wrapper = (sys.executable, worker_replacement.__file__, str(python))
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([*wrapper, COMMAND, *words, "--config", path], stdout=log, stderr=log)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    main()
