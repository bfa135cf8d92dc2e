"""Does anything grow while workers die, settings change and hosts come and go? scripts/bench endurance [PAGES].

A stub that answers at once takes the engine's place, so that hundreds of thousands of pages pass in an hour: what is
measured is the service. Every few hundred pages something happens: a reload with another setting, a worker is killed,
failed files are put back (`ocrspool retry`), a host joins the cluster or leaves it. A hook runs after each file.
Results and sources are taken away as they come. Exit code 1: something grows, or a document has not come out.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from serving import COMMAND, children, machine, scratch
from soak import entries, growth, held_by, tell
from support import drawn_pages, sample_files, worker_replacement
from support.waiting import wait_until

PAGES = 200_000
_AHEAD = 24
"""Files in the inbox, at most."""
_PAGES_EACH = 50
_SAMPLE_SECONDS = 2.0
_EVENT_PAGES = 300
"""Pages between two events. Not seconds: a worker that is killed while it loads, each time, would never read."""
_MOST_FAILED = 40
"""Failed files that nobody has taken away."""
_WARM_UP = 0.3
"""This share of the run does not count: allocators and caches fill, and the threads of jobs come one by one, until
there are as many as files are ever in work. Of 200,000 pages that took 50,000."""
_KINDS = {
    "worker": b"ocrspool.recognition.child",
    "decoder": b"ocrspool.decoding.child",
    "bridge": b"ocrspool.cluster.bridge",
}
_MEASURES = ("resident MB", "descriptors", "threads")


@dataclass
class Plant:
    """A service, a scheduler, and a host that comes and goes, all on this machine."""

    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._wrapper = worker_replacement.wrapper(self.folder, "support.instant_worker")
        self._run("cluster", "certificates", self.folder / "keys", "spool", "gpu1")
        (self.folder / "tmp").mkdir()

    @property
    def spool(self) -> Path:
        """The folders of the inbox."""
        return self.folder / "service" / "spool"

    def configure(self, name: str, host: str, settle: float = 0.2) -> Path:
        """Write the configuration of the service, the scheduler or the host."""
        at, keys = self.folder / name, self.folder / "keys"
        at.mkdir(exist_ok=True)
        path = at / "ocrspool.toml"
        hook = "on_done = ['/bin/true']\n" if name == "service" else ""
        path.write_text(
            f"[paths]\ncache = 'cache'\nruntime = 'run'\n[inbox.default]\nroot = 'spool'\nsettle_seconds = {settle}\n"
            f"{hook}[service]\nworker_pages = 5000\n"
            f"[cluster]\nscheduler = 'tls://127.0.0.1:{self._port}'\nname = '{name}'\nca = '{keys}/ca.crt'\n"
            f"certificate = '{keys}/{host}/host.crt'\nkey = '{keys}/{host}/host.key'\nleast_hosts = 0\n",
            "utf-8",
        )
        return path

    def start(self, name: str, *command: str) -> None:
        """Start one of them."""
        path = self.folder / name / "ocrspool.toml"
        with (self.folder / name / "log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*self._wrapper, COMMAND, *command, "--config", path],
                stdout=log,
                stderr=log,
                env=self._environment(),
                start_new_session=True,
            )

    def end(self, name: str) -> None:
        """End one of them, as systemd does."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def retry(self) -> None:
        """Put all failed files back."""
        self._run("retry", "--all", "--config", self.folder / "service" / "ocrspool.toml")

    def log(self, name: str = "service") -> str:
        """Return what one of them has logged."""
        return (self.folder / name / "log").read_text("utf-8", "replace")

    def status(self) -> dict[str, Any]:
        """Return what the service has published; {} while there is nothing."""
        with contextlib.suppress(OSError, ValueError):
            return dict(json.loads((self.folder / "service" / "run" / "status.json").read_bytes()))
        return {}

    def _run(self, *arguments: str | Path) -> None:
        subprocess.run([COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL, env=self._environment())

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "TMPDIR": os.fspath(self.folder / "tmp"), "PYTHONPATH": ""}


@dataclass
class Users:
    """Those who drop documents and take what comes out."""

    plant: Plant
    dropped: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    came: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    """Those that were taken away from failed/."""

    def __post_init__(self) -> None:
        self._next = self._dropping()

    def drop(self) -> None:
        """Fill the inbox up."""
        for _ in range(_AHEAD - entries(self.plant.spool / "inbox")):
            next(self._next)

    def take(self) -> None:
        """Take results and sources away, and what has failed first.

        Every retry reads again all that has failed. If that became more and more, so would the work of the service.
        """
        for path in (self.plant.spool / "outbox").glob("*.json"):
            self.came.add(path.stem)
            path.unlink()
        for path in (self.plant.spool / "done").iterdir():
            path.unlink()
        reasons = sorted((self.plant.spool / "failed").glob("*.reason.json"))
        for reason in reasons[:-_MOST_FAILED]:
            source = reason.with_name(reason.name.removesuffix(".reason.json"))
            if source.exists():
                self.failed.add(source.name)
                source.unlink()
                reason.unlink()

    def missing(self) -> set[str]:
        """Take what is there. Return what was dropped and has not come out."""
        self.take()
        failed = {path.name for path in (self.plant.spool / "failed").iterdir() if path.suffix != ".json"}
        return self.dropped - self.came - ((failed | self.failed) & self.broken)

    def _dropping(self) -> Iterator[None]:
        for number, (suffix, data) in enumerate(itertools.cycle(_documents())):
            name = f"{number:06}.{suffix}"
            part = self.plant.spool / "inbox" / f"{name}.part"
            part.write_bytes(data)
            part.rename(part.with_suffix(""))
            self.dropped.add(name)
            if suffix == "broken":
                self.broken.add(name)
            yield


def _documents() -> list[tuple[str, bytes]]:
    """Return the mix: files of many small pages, and some of each other kind."""
    pages = [Image.new("L", (64, 64), number) for number in range(1, _PAGES_EACH + 1)]
    many = [("tif", sample_files.tiff(*(page.copy() for page in pages)))] * 12
    word = sample_files.words("Alpha", (150, 56))
    odd = [
        ("pdf", sample_files.pdf(4, width=90, height=40)),
        ("tif", sample_files.damaged_page_tiff()),
        ("png", sample_files.png(word)),
        ("jpg", sample_files.jpeg(word.copy())),
        ("pgm", drawn_pages.tiny(7)),
        ("gif", sample_files.gif()),
    ]
    return [*many, *odd, ("broken", sample_files.png(word)[:60])]


@dataclass(frozen=True, slots=True)
class Sample:
    """What is held after so many pages; of several processes of one kind, what the largest holds."""

    pages: int
    seconds: float
    held: dict[str, float]


def sample(plant: Plant, seconds: float) -> Sample:
    """Look at all processes of the service, and at its folders."""
    service = plant.processes["service"].pid
    held = {f"{kind}: {what}": 0.0 for kind in ("service", *_KINDS) for what in _MEASURES}
    held["processes"] = held["page images"] = 0.0
    for pid in (service, *children(service)):
        with contextlib.suppress(OSError):  # replaced while we look
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
            kind = "service" if pid == service else next((k for k, module in _KINDS.items() if module in line), "")
            if not kind:  # a hook
                continue
            looked = held_by(pid)
            for what, value in zip(_MEASURES, (looked.resident_mb, looked.descriptors, looked.threads), strict=True):
                held[f"{kind}: {what}"] = max(held[f"{kind}: {what}"], round(value, 2))
            held["processes"] += 1
            held["page images"] += looked.page_images
    held["temporary files"] = entries(plant.folder / "tmp")
    runtime = [path for path in (plant.folder / "service" / "run").rglob("*") if path.is_file()]
    held["state outside the spool, KB"] = sum(_size(path) for path in runtime) / 1024
    since = plant.status().get("since_start", {}).get("default", {})
    return Sample(since.get("pages", 0), round(seconds, 1), held)


def in_work(plant: Plant) -> int:
    """Count the files of jobs. How many there are while files come follows from what else the machine does."""
    return sum(len(names) for _, _, names in os.walk(plant.spool / "work"))


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0


class Events:
    """What happens, one after the other."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self.happened: Counter[str] = Counter()
        self._turns = itertools.cycle((self._reload, self._kill_worker, self._retry, self._host))

    def next(self) -> None:
        """Let the next one happen."""
        self.happened[next(self._turns)()] += 1

    def _reload(self) -> str:
        self._plant.configure("service", "spool", (0.2, 0.3)[self.happened["reloads"] % 2])
        self._plant.processes["service"].send_signal(signal.SIGHUP)
        return "reloads"

    def _kill_worker(self) -> str:
        for pid in children(self._plant.processes["service"].pid):
            with contextlib.suppress(OSError):
                if _KINDS["worker"] in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)
                    break
        return "workers killed"

    def _retry(self) -> str:
        self._plant.retry()
        return "retries of all failed files"

    def _host(self) -> str:
        if "gpu1" in self._plant.processes:
            self._plant.end("gpu1")
            return "hosts that left"
        self._plant.start("gpu1", "node")
        return "hosts that joined"


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench endurance", description=__doc__)
    parser.add_argument("pages", type=int, nargs="?", default=PAGES)
    parser.add_argument(
        "--minutes", type=float, default=24 * 60.0, help="end after so long, however many pages it were"
    )
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    print(machine(), flush=True)
    with scratch() as name:
        plant = Plant(Path(name))
        try:
            found = run(plant, wanted.pages, wanted.minutes * 60)
        finally:
            for each in list(plant.processes):
                plant.end(each)
    if wanted.json:
        wanted.json.write_text(json.dumps(found) + "\n", "utf-8")
    sys.exit(not found["well"])


def run(plant: Plant, pages: int, seconds: float) -> dict[str, object]:
    """Keep the service at work until so many pages have come out; then wait for the rest, and judge."""
    for name, command in (("scheduler", ("cluster", "scheduler")), ("service", ("serve",))):
        plant.configure(name, "spool")
        plant.start(name, *command)
    plant.configure("gpu1", "gpu1")
    wait_until(lambda: plant.status().get("state") == "ready", 90)
    users, events, idle = Users(plant), Events(plant), in_work(plant)
    began = next_sample = time.monotonic()
    next_event = _EVENT_PAGES
    samples = [sample(plant, 0.0)]
    while samples[-1].pages < pages and (now := time.monotonic()) < began + seconds:
        users.drop()
        users.take()
        if samples[-1].pages >= next_event:
            events.next()
            next_event = samples[-1].pages + _EVENT_PAGES
        if now >= next_sample:
            samples.append(sample(plant, now - began))
            next_sample = now + _SAMPLE_SECONDS
            print(f"\r{samples[-1].pages} pages", end="", file=sys.stderr, flush=True)
        if plant.processes["service"].poll() is not None:
            sys.exit(f"the service ended:\n{plant.log()[-3000:]}")
        time.sleep(0.1)
    with contextlib.suppress(AssertionError):
        wait_until(lambda: not users.missing() and in_work(plant) <= idle, 300)
    left = in_work(plant) - idle
    return verdict(samples, users, events, plant.log(), left)


def verdict(samples: list[Sample], users: Users, events: Events, log: str, left: int) -> dict[str, object]:
    """Judge by slopes, as `soak` does, by what came out, and by how many files are left in work."""
    last = samples[-1]
    steady = [each for each in samples if each.pages > last.pages * _WARM_UP]
    rows = {name: growth([each.pages for each in steady], [each.held[name] for each in steady]) for name in last.held}
    rate = last.pages / last.seconds
    print(f"\n{len(users.dropped)} files, {last.pages} pages in {last.seconds:.0f} s: {rate:.0f} a second")
    print(", ".join(f"{name}: {times}" for name, times in events.happened.items()))
    print(
        f"workers replaced after their pages: {log.count(' was replaced after ')}; tracebacks: {log.count('Traceback')}"
    )
    tell(rows)
    missing = sorted(users.missing())
    wrong = sorted(users.came & users.broken)
    print(f"dropped and not come out: {len(missing)} {missing[:5]}; read and broken: {len(wrong)}")
    print(f"files left in work: {left}")
    flat = all(row["flat"] for row in rows.values())
    well = flat and not missing and not wrong and left <= 0 and "Traceback" not in log
    kept = [asdict(each) for each in samples[:: max(1, len(samples) // 500)]]
    counts = {"files": len(users.dropped), "pages": last.pages, "seconds": last.seconds, "events": events.happened}
    return {"well": well, **counts, "rows": rows, "missing": missing, "samples": kept}


if __name__ == "__main__":
    main()
