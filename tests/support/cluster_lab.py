"""A cluster of several machines on this one: hosts that are namespaces, with a plug and a cable that can be pulled.

The script that OCRSPOOL_HOST_LAB names makes the hosts. The service and the scheduler run on the first one, outside its
process namespace, so that signals reach them. Workers are stubs that take a fixed time for a page
(fixed_time_worker.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from support import daemon_process, worker_replacement
from support.daemon_process import COMMAND
from support.process_table import children_of, is_module
from support.sample_files import png
from support.waiting import wait_until

SPOOL = "spool"
"""The host with the service and the scheduler."""
PORT = 8786
PATIENCE = 12
"""Seconds, and 11 is the least that can be set."""
_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"


def page(number: int) -> bytes:
    """Return an image of its own for each number, as PNG."""
    return png(Image.fromarray(_pixels(number)))


def text_of(number: int) -> str:
    """Return what the stub reads on that page."""
    return hashlib.sha256(_pixels(number).tobytes()).hexdigest()


def _pixels(number: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(number).integers(1, 255, (64, 64), dtype=np.uint8)


@dataclass
class ClusterLab:
    """Hosts around one switch, and what runs on them. `close` removes everything."""

    script: str
    folder: Path
    hosts: tuple[str, ...]
    page_ms: int = 100
    limits: str = ""
    """Further limits of what is started next."""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    """What runs: the scheduler, the service, and the node of each host, by name."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._prefix = f"c{secrets.token_hex(2)}"
        self._beside_spool: set[str] = set()
        """What runs on the first host, outside its process namespace."""
        self._wrapper = worker_replacement.wrapper(self.folder, "support.fixed_time_worker")
        try:
            self.lab("up", *self.hosts)
            for host in self.hosts[1:]:
                self.lab("on", host)
            self.certificates("own", *self.hosts)
        except BaseException:
            self.lab("down")
            raise

    # --- hosts -------------------------------------------------------------------------------------------------------

    def lab(self, *arguments: str) -> None:
        """Do something to the hosts."""
        subprocess.run([self.script, *arguments], check=True, env=self.environment(), timeout=60)

    def address(self, host: str) -> str:
        return f"10.99.0.{self.hosts.index(host) + 1}"

    def beside_spool(self) -> list[str]:
        """Return what to put before a command that is to run in the network of the first host."""
        return ["ip", "netns", "exec", f"{self._prefix}-{SPOOL}"]

    def said(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(command, check=False, capture_output=True, text=True, env=self.environment(), timeout=60)

    @contextlib.contextmanager
    def cable_out(self, host: str) -> Iterator[None]:
        """Pull the cable of a host, and plug it in again."""
        self.lab("link", host, "down")
        try:
            yield
        finally:
            self.lab("link", host, "up")

    def limit(self, host: str, rate: str) -> None:
        """Let the cable of a host carry no more than this from there on, as tc(8) writes it; "": as much as it can."""
        cable = (self.folder / "lab" / host / "link").read_text("utf-8").strip()
        change = ["ip", "netns", "exec", f"{self._prefix}-{host}", "tc", "qdisc"]
        subprocess.run([*change, "del", "dev", cable, "root"], check=False, capture_output=True)
        if rate:
            bucket = ["rate", rate, "burst", "1mb", "latency", "200ms"]
            subprocess.run([*change, "add", "dev", cable, "root", "tbf", *bucket], check=True)

    def certificates(self, authority: str, *hosts: str) -> None:
        """Make certificates of an authority with this name."""
        folder = os.fspath(self.folder / "certificates" / authority)
        command = [os.fspath(COMMAND), "cluster", "certificates", folder, *hosts]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=daemon_process.environment())

    # --- what runs on them -------------------------------------------------------------------------------------------

    def configure(
        self,
        name: str,
        host: str,
        *,
        engine: str = "",
        cluster: str | None = "",
        authority: str = "own",
    ) -> Path:
        """Write the configuration of a service or a node. It is in no cluster if `cluster` is None."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        own = self.folder / "certificates" / authority
        path = folder / "ocrspool.toml"
        joins = (
            f"[cluster]\nscheduler = 'tls://{self.address(SPOOL)}:{PORT}'\nname = '{name}'\n"
            f"ca = '{own}/ca.crt'\ncertificate = '{own}/{host}/host.crt'\nkey = '{own}/{host}/host.key'\n{cluster}\n"
        )
        path.write_text(
            "[paths]\ncache = 'cache'\nruntime = 'run'\n"
            "[inbox.default]\nroot = 'spool'\nsettle_seconds = 0.1\n"
            f"[limits]\nfree_disk_mb = 0\nfree_memory_mb = 0\n{self.limits}\n"
            f"[engine]\nworkspace_mb = {self.page_ms}\n{engine}\n{'' if cluster is None else joins}",
            "utf-8",
        )
        return path

    def start_scheduler(self) -> None:
        self.configure("scheduler", SPOOL)
        self.start("scheduler")

    def start_node(self, host: str, name: str = "", program: Path | None = None, **configuration: str) -> str:
        """Start a node on a host, under its own name if none is given. Return the name.

        `program` is the folder of another ocrspool package; workers are those of this one all the same.
        """
        name = name or host
        path = self.configure(name, host, **configuration)
        other = {} if program is None else {"PYTHONPATH": os.fspath(program)}
        self._spawn(name, [self.script, "run", host], "node", path, **other)
        return name

    def start_service(self, name: str = "service", *, engine: str = "devices = []", cluster: str | None = "") -> None:
        """Start a service, without waiting for it."""
        path = self.configure(name, SPOOL, engine=engine, cluster=cluster)
        self._spawn(name, self.beside_spool(), "serve", path)

    def start(self, name: str) -> None:
        """Start what has been configured under a name: the scheduler, the service, or the node of a host."""
        path = self.folder / name / "ocrspool.toml"
        if name == "scheduler":
            self._spawn(name, self.beside_spool(), "cluster", "scheduler", path)
            wait_until(lambda: "hosts can join" in self.log(name) or self._ended(name))
        elif name == "service":
            self._spawn(name, self.beside_spool(), "serve", path)
        else:
            self._spawn(name, [self.script, "run", name], "node", path)

    def _spawn(self, name: str, place: list[str], *command: str | Path, **variables: str) -> None:
        *words, path = command
        if place == self.beside_spool():
            self._beside_spool.add(name)
        with (self.folder / name / "log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*place, *self._wrapper, COMMAND, *words, "--config", path],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment() | variables,
                start_new_session=True,
            )

    def pid(self, name: str) -> int:
        """Return the process itself, and not what entered the namespace for it."""
        outer = self.processes[name].pid
        return outer if name in self._beside_spool else wait_until(lambda: children_of(outer))[0]

    def workers(self, name: str) -> list[int]:
        """Return the workers of a node."""
        return [pid for pid in children_of(self.pid(name)) if is_module_of_worker(pid)]

    def bridges(self) -> list[int]:
        """Return the bridge of the service."""
        return [pid for pid in children_of(self.pid("service")) if is_module(pid, "ocrspool.cluster.bridge")]

    def send(self, name: str, number: signal.Signals) -> None:
        os.kill(self.pid(name), number)
        if number == signal.SIGCONT:  # nsenter stops when what it runs is stopped
            os.kill(self.processes[name].pid, number)

    def end(self, name: str, number: signal.Signals = signal.SIGTERM) -> int:
        """End something. Return its exit code."""
        with contextlib.suppress(ProcessLookupError, AssertionError):
            os.kill(self.pid(name), number)
        return self.processes.pop(name).wait(30)

    def log(self, name: str) -> str:
        path = self.folder / name / "log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def _ended(self, name: str) -> bool:
        return self.processes[name].poll() is not None

    # --- what comes of it --------------------------------------------------------------------------------------------

    def status(self, name: str = "service") -> dict[str, Any]:
        """Return what the service has published; {} while there is nothing."""
        try:
            found: dict[str, Any] = json.loads((self.folder / name / "run" / "status.json").read_bytes())
        except FileNotFoundError:
            return {}
        return found

    def host(self, host: str) -> dict[str, Any]:
        """Return what the service has published of a host; {} where it does not know it."""
        cluster = self.status().get("cluster") or {"hosts": []}
        return next((each for each in cluster["hosts"] if each["name"] == host), {})

    def settled(self, name: str = "service") -> dict[str, Any]:
        """Wait for a status that knows all outcomes that are there. Return it. It is published after them."""
        spool = self.folder / name / "spool"

        def found() -> dict[str, Any]:
            there = len([*(spool / "outbox").glob("*.json"), *(spool / "failed").glob("*.reason.json")])
            counts = (status := self.status(name)).get("since_start", {}).get("default", {})
            return status if counts.get("done", 0) + counts.get("failed", 0) == there else {}

        return wait_until(found, 30)

    def until_state(self, host: str, state: str, seconds: float = 40) -> dict[str, Any]:
        """Wait until a host has this state, and return what is known of it."""
        try:
            wait_until(lambda: self.host(host).get("state") == state, seconds)
        except AssertionError:
            raise AssertionError(f"{host} is not {state}: {self.host(host)}\n{self.log('service')[-3000:]}") from None
        return self.host(host)

    def drop(self, numbers: range, name: str = "service") -> None:
        """Put pages into the inbox."""
        for number in numbers:
            outside = self.folder / f"{number}.png"
            outside.write_bytes(page(number))
            outside.rename(self.folder / name / "spool" / "inbox" / f"{number}.png")

    def put(self, name: str, data: bytes, service: str = "service") -> None:
        """Put a file into the inbox of a service."""
        outside = self.folder / service / name
        outside.write_bytes(data)
        outside.rename(self.folder / service / "spool" / "inbox" / name)

    def outcome(self, name: str, service: str = "service", seconds: float = 60) -> dict[str, Any]:
        """Wait for what becomes of a file: its result, or the reason of its failure."""
        spool = self.folder / service / "spool"
        places = [spool / "outbox" / f"{name}.json", spool / "failed" / f"{name}.reason.json"]
        try:
            wait_until(lambda: any(place.exists() for place in places), seconds)
        except AssertionError:
            raise AssertionError(f"nothing of {name}\n{self.log(service)[-4000:]}") from None
        found: dict[str, Any] = json.loads(next(place for place in places if place.exists()).read_bytes())
        return found

    def results(self, numbers: range, seconds: float = 60, name: str = "service") -> list[dict[str, Any]]:
        """Wait for the results of these pages. Each is there once, whole, and says what is on the page."""
        root = self.folder / name / "spool"
        wanted = {f"{number}.png.json" for number in numbers}
        try:
            wait_until(lambda: wanted <= set(os.listdir(root / "outbox")), seconds)  # noqa: PTH208 - names
        except AssertionError:
            missing = sorted(wanted - set(os.listdir(root / "outbox")))  # noqa: PTH208 - names
            raise AssertionError(f"missing: {missing}\n{self.log(name)[-4000:]}") from None
        assert not {path.name for path in (root / "failed").iterdir()} & {f"{number}.png" for number in numbers}
        found = [json.loads((root / "outbox" / f"{number}.png.json").read_bytes()) for number in numbers]
        assert [each["text"] for each in found] == [text_of(number) for number in numbers]
        duplicates = [path.name for path in (root / "outbox").iterdir() if "~" in path.name]
        assert not duplicates
        return found

    def close(self) -> None:
        """End everything and remove the hosts."""
        try:
            for name in list(self.processes):
                with contextlib.suppress(ProcessLookupError, AssertionError):
                    os.kill(self.pid(name), signal.SIGKILL)
                process = self.processes.pop(name)
                process.kill()
                process.wait(10)
        finally:
            self.lab("down")

    def environment(self) -> dict[str, str]:
        lab = {"HOST_LAB": os.fspath(self.folder / "lab"), "HOST_LAB_PREFIX": self._prefix}
        return daemon_process.environment(**lab, PATH=f"{Path(sys.executable).parent}:{_PATH}")


def is_module_of_worker(pid: int) -> bool:
    """Tell whether a process is a worker, real or a stub."""
    return is_module(pid, "ocrspool.recognition.child")


@contextlib.contextmanager
def cluster_up(script: str, folder: Path, hosts: tuple[str, ...], page_ms: int) -> Iterator[ClusterLab]:
    """Have a scheduler on the first host and a node on each other one."""
    lab = ClusterLab(script, folder, hosts, page_ms)
    try:
        lab.start_scheduler()
        for host in hosts[1:]:
            lab.start_node(host)
        yield lab
    finally:
        lab.close()
