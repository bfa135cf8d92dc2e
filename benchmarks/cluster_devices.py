"""Two agents with a device each behind one service, compared with one agent, and with a service that has both devices.

Needs OCRSPOOL_CORPUS. Scheduler, agents and service are real processes of this machine, on its loopback address:

    scripts/bench cluster_devices [RECEIPTS] [--agents gpu:0 gpu:1] [--agent-processors 8-19 20-31]
        [--service-processors 0-7] [--workers 4] [--files always never] [--warm N] [--tls] [--seconds 180]
        [--stand-in MS] [--recorded]

OCRSPOOL_BENCH_CONFIG may name a TOML file with settings that win: the runtime, say. `--stand-in` puts in place of each
worker one that waits so many milliseconds for a page and reads a digest of its pixels. `--recorded` puts in place of
each worker one that gives out at once what an engine has read on such a receipt: then the service is the limit. Every
result is compared with that of the service without a cluster. The benchmark ends with 1 if one differs, and at once if
anything takes longer than `--seconds`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving import COMMAND, machine, named_corpus, scratch
from standin.recorded import record
from support import worker_replacement
from support.process_table import children_of

PORT = 8797
GIVES_OUT = Path(__file__).with_name("standin") / "worker.py"
KINDS = {
    "ocrspool.recognition.child": "worker",
    "ocrspool.recognition.child.shared_engine": "engine",
    "ocrspool.decoding.child": "decoder",
    "ocrspool.cluster.bridge": "bridge",
    "ocrspool.pipeline.assembling.child": "assembler",
}
"""What a child process does, by its module."""
LOOK_SECONDS, TOLD_SECONDS = 0.1, 15.0


@dataclass
class Bench:
    """What is compared, and where it runs."""

    given: argparse.Namespace
    folder: Path
    receipts: list[Path]
    python: Path | None = None
    """Starts stand-ins for workers."""
    reference: dict[str, Any] = field(default_factory=dict)
    """What one machine has read, by the name of the file."""
    base: dict[str, float] = field(default_factory=dict)
    """Receipts a second of one agent, by what travels."""
    different: list[str] = field(default_factory=list)
    """The results that are not those of one machine."""

    def configure(self, name: str, devices: Sequence[str], cluster: str | None, workers: int = 0) -> Path:
        """Write the configuration of a process. It is in no cluster if `cluster` is None."""
        place = self.folder / name
        (place / "conf.d").mkdir(parents=True)
        cache = "" if self.python else "../"  # engines are built once, for all
        (place / "ocrspool.toml").write_text(
            f"[paths]\ncache = '{cache}cache'\nruntime = 'run'\n[limits]\nfree_memory_mb = 0\nfree_disk_mb = 0\n"
            "[inbox.default]\nroot = 'spool'\nsettle_seconds = 0\n"
        )
        if more := os.environ.get("OCRSPOOL_BENCH_CONFIG"):
            shutil.copy(more, place / "conf.d" / "1.toml")
        scheme = "tls" if self.given.tls else "tcp"
        keys = {"ca": "ca.crt", "certificate": "machine/host.crt", "key": "machine/host.key"} if self.given.tls else {}
        engine = f"[engine]\ndevices = {list(devices)}\n" + (
            f"workspace_mb = {self.given.stand_in}\n" if self.given.stand_in else ""
        )
        joins = f"[cluster]\nscheduler = '{scheme}://127.0.0.1:{PORT}'\nport = 0\nname = '{name}'\n" + "".join(
            f"{key} = '{self.folder}/keys/{file}'\n" for key, file in keys.items()
        )
        service = f"[service]\nworkers = {workers or self.given.workers}\n"
        (place / "conf.d" / "2.toml").write_text(engine + service + ("" if cluster is None else joins + cluster))
        return place / "ocrspool.toml"

    @contextlib.contextmanager
    def running(self, name: str, words: Sequence[str], config: Path, processors: str, until: str) -> Iterator[int]:
        """Run something on some processors. Wait until its log has a text. Return its pid."""
        wrapper = () if self.python is None else (sys.executable, worker_replacement.__file__, str(self.python))
        log = config.with_name("log")
        with log.open("wb") as file, on_processors(processors):
            process = subprocess.Popen([*wrapper, COMMAND, *words, "--config", config], stdout=file, stderr=file)
        try:
            self.wait(f"{name} is ready", lambda: until in log.read_text() or process.poll() is not None, log)
            if process.poll() is not None:
                sys.exit(f"{name} has ended with {process.returncode}:\n{log.read_text()[-3000:]}")
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def wait(self, what: str, done: Callable[[], bool], log: Path, told: Callable[[], str] = str) -> None:
        """Wait until it is done, and say so every few seconds. After `--seconds` end the benchmark."""
        began, last = time.monotonic(), time.monotonic()
        while not done():
            now = time.monotonic()
            if now - began > self.given.seconds:
                sys.exit(f"not so after {self.given.seconds} s: {what} {told()}\n{log.read_text()[-3000:]}")
            if now - last > TOLD_SECONDS:
                print(f"  {now - began:4.0f} s, until {what} {told()}", file=sys.stderr, flush=True)
                last = now
            time.sleep(LOOK_SECONDS)

    def row(self, name: str, files: str, service: Path, processors: str, others: dict[str, int]) -> None:
        """Read the receipts with this service and print a row. `others` are the other processes, by kind."""
        with self.running(name, ["serve"], service, processors, " ready after ") as pid:
            spool, log = service.with_name("spool"), service.with_name("log")
            # Each worker has begun to read before the time counts.
            warm = self.given.warm or max(len(self.receipts), 8 * self.given.workers * len(self.given.agents))
            self.dropped(spool, warm, "warm")
            self.wait(f"{name} has read {warm}", lambda: came_out(spool) >= warm, log, lambda: str(came_out(spool)))
            began, before = time.monotonic(), spent({"service": pid, **others})
            self.dropped(spool, self.given.receipts, "file")
            wanted = warm + self.given.receipts
            self.wait(f"{name} has read {wanted}", lambda: came_out(spool) >= wanted, log, lambda: str(came_out(spool)))
            took, after = time.monotonic() - began, spent({"service": pid, **others})
        results = {path.name: json.loads(path.read_bytes()) for path in (spool / "outbox").glob("file-*.json")}
        hosts = Counter((page["read_by"] or {}).get("host") for one in results.values() for page in one["pages"])
        readings = {file: comparable(found) for file, found in results.items()}
        self.reference = self.reference or readings
        other = [file for file in self.reference if readings.get(file) != self.reference[file]]
        rate = self.given.receipts / took
        base = self.base.setdefault(files, rate) if others else 0.0
        ratio = f"{rate / base:.2f}" if base else ""
        cpu = ", ".join(
            f"{kind} {1000 * seconds / self.given.receipts:.1f}"
            for kind in after
            if (seconds := after[kind] - before.get(kind, 0))
        )
        by = ", ".join(f"{host or 'here'} {count}" for host, count in sorted(hosts.items(), key=str))
        print(f"| {name} | {files} | {rate:.1f} | {ratio} | {cpu} | {by} | {len(other)} |", flush=True)
        self.different += [f"{name}: {file}" for file in other]

    def dropped(self, spool: Path, count: int, name: str) -> None:
        """Drop so many receipts, each whole: copied aside and moved in."""
        aside = spool / "aside"
        aside.mkdir(exist_ok=True)
        for number in range(count):
            copied = Path(shutil.copy(self.receipts[number % len(self.receipts)], aside / f"{name}-{number:06}.jpg"))
            copied.rename(spool / "inbox" / copied.name)


def main() -> None:
    given = arguments()
    print(machine())
    print(f"what runs: {' '.join(sys.argv[1:])}; {os.environ.get('OCRSPOOL_BENCH_CONFIG', 'no further configuration')}")
    with scratch() as folder:
        receipts = sorted((named_corpus() / "documents").glob("receipt-[0-9]*.jpg"))
        bench = Bench(given, Path(folder), receipts)
        if given.stand_in:
            bench.python = worker_replacement.python(bench.folder, "support.fixed_time_worker")
        else:
            built = bench.configure("build", list(dict.fromkeys(given.agents)), None)
            subprocess.run([COMMAND, "prebuild", "--config", built], check=True, stdout=sys.stderr)
        if given.recorded:
            texts = bench.folder / "recorded"
            record(built, receipts, texts)
            bench.python = worker_replacement.python_of(
                bench.folder, f'OCRSPOOL_BENCH_RECORDED="{texts}" exec "{sys.executable}" "{GIVES_OUT}" "$4"'
            )
        if given.tls:
            keys = bench.folder / "keys"
            subprocess.run([COMMAND, "cluster", "certificates", keys, "machine"], check=True, stdout=sys.stderr)
        print(
            "\n| what reads | travels | receipts/s | to one agent | ms of a processor for a receipt | pages | other |"
        )
        print("|---|---|---:|---:|---|---|---:|", flush=True)
        alone(bench)
        clustered(bench)
        print("other: results that are not those of the first row, but for who has read them")
        if bench.different:
            sys.exit(f"{len(bench.different)} results differ, among them {bench.different[:5]}")


def alone(bench: Bench) -> None:
    """Have one service read with the first device, then with all."""
    everywhere = ",".join(filter(None, [bench.given.service_processors, *bench.given.agent_processors]))
    for count in sorted({1, len(bench.given.agents)}):
        devices = list(dict.fromkeys(bench.given.agents[:count]))
        workers = bench.given.workers * count // len(devices)  # two agents on the CPU: one device, twice the workers
        service = bench.configure(f"local-{count}", devices, None, workers)
        bench.row(f"a service, {' '.join(bench.given.agents[:count])}", "", service, everywhere, {})


def clustered(bench: Bench) -> None:
    """Have one agent read, then one more, and so on: each time with a service of its own for each way to travel."""
    given = bench.given
    processes: dict[str, int] = {}
    scheduler = bench.configure("scheduler", [], "")
    with contextlib.ExitStack() as stack:
        words = ["cluster", "scheduler"]
        processes["scheduler"] = stack.enter_context(
            bench.running("the scheduler", words, scheduler, given.service_processors, "hosts can join")
        )
        for number, device in enumerate(given.agents, 1):
            name = f"agent{number}"
            node = bench.configure(name, [device], "")
            processors = given.agent_processors[number - 1] if given.agent_processors else ""
            processes[name] = stack.enter_context(bench.running(name, ["node"], node, processors, " joined "))
            for files in given.files:
                more = f"least_hosts = {number}\nstart_seconds = {given.seconds}\nfiles = '{files}'\n"
                service = bench.configure(f"{files}-{number}", [], more)
                words_of = f"{number} {'agent' if number == 1 else 'agents'}, {' '.join(given.agents[:number])}"
                bench.row(words_of, files, service, given.service_processors, processes)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("receipts", nargs="?", type=int, default=500)
    parser.add_argument("--agents", nargs="+", default=["cpu", "cpu"], metavar="DEVICE", help="the device of each")
    parser.add_argument("--agent-processors", nargs="+", default=[], metavar="N-M", help="of each agent")
    parser.add_argument("--service-processors", default="", metavar="N-M", help="of the service and the scheduler")
    parser.add_argument("--workers", type=int, default=1, help="of each device")
    parser.add_argument("--files", nargs="+", default=["always", "never"], help="cluster.files, one after the other")
    parser.add_argument("--warm", type=int, default=0, help="receipts that are read first and not counted")
    parser.add_argument("--tls", action="store_true", help="with certificates, as between machines")
    parser.add_argument("--seconds", type=int, default=180, help="how long a start, or one reading, may take")
    parser.add_argument("--stand-in", type=int, default=0, metavar="MS", help="64 or more; nothing is recognized")
    parser.add_argument("--recorded", action="store_true", help="workers give out what an engine has read before")
    given = parser.parse_args()
    if given.stand_in and given.recorded:
        parser.error("--stand-in and --recorded are two kinds of workers")
    if given.agent_processors and len(given.agent_processors) != len(given.agents):
        parser.error("--agent-processors should have as many values as --agents")
    return given


@contextlib.contextmanager
def on_processors(text: str) -> Iterator[None]:
    """Let what is started meanwhile run on these processors, written as in taskset(1), or on all if none are named."""
    before = os.sched_getaffinity(0)
    if text:
        ends = [part.split("-") for part in text.split(",")]
        os.sched_setaffinity(0, {each for end in ends for each in range(int(end[0]), int(end[-1]) + 1)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def spent(roots: dict[str, int]) -> dict[str, float]:
    """Return the processor seconds so far of these processes and of their children, by kind."""
    found: defaultdict[str, float] = defaultdict(float)
    for name, pid in roots.items():
        found[name.rstrip("0123456789")] += seconds_of(pid)
        place = "" if name == "service" else "agent's "
        for child in children_of(pid):
            command = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
            found[place + next((KINDS[word] for word in command if word in KINDS), "other")] += seconds_of(child)
    return dict(found)


def seconds_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")  # user, system


def came_out(spool: Path) -> int:
    """Return how many results there are. End the benchmark where a file has failed."""
    if failed := [path.name for path in (spool / "failed").iterdir()]:
        sys.exit(f"failed: {failed}")
    return sum(1 for path in (spool / "outbox").iterdir() if path.suffix == ".json")


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    """Return what a result says of the document, and not who has read it, or when."""
    pages = [{name: page[name] for name in page if name != "read_by"} for page in result["pages"]]
    return {"text": result["text"], "status": result["status"], "pages": pages}


if __name__ == "__main__":
    main()
