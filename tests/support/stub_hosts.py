"""Hosts of a cluster without a network: for tests of the seat and of the bridge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ocrspool import __version__
from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config
from ocrspool.config.sections import Cluster, Engine, Limits, Service
from ocrspool.processes.child import ChildDiedError
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.recognition.hosts.answers import HostReport
from ocrspool.recognition.hosts.bridge_client import BridgeEvent, HostSeen
from ocrspool.recognition.hosts.file_queue import FileTask
from ocrspool.recognition.hosts.program import code
from ocrspool.recognition.page_queue import PageTask
from ocrspool.recognition.stub import FACTS

SCHEDULER = "tcp://127.0.0.1:8786"


def with_cluster(*devices: str, engine: dict[str, Any] | None = None, **cluster: Any) -> CurrentConfig:  # noqa: ANN401 - settings of any type
    """Return a configuration with a cluster, and with these devices on this machine."""
    return CurrentConfig(
        Config(
            engine=Engine(devices=devices, **(engine or {})),
            service=Service(attempts=3),
            limits=Limits(free_memory_mb=0),
            cluster=Cluster(scheduler=SCHEDULER, **cluster),
        )
    )


def report(name: str = "gpu1", **more: Any) -> HostReport:  # noqa: ANN401 - its attributes
    """Return what a host that is well says of itself; `facts` changes its engine."""
    facts = {**FACTS, "identity": {"precision": "f32", "cpu": f"cpu of {name}"}, **more.pop("facts", {})}
    return HostReport(**{
        "name": name, "version": __version__, "code": code(), "dask": "1", "engines": (facts,), "workers": 1, **more,
    })  # fmt: skip


def seen(name: str = "gpu1", **more: Any) -> HostSeen:  # noqa: ANN401 - see above
    """Return the news that this host is there."""
    return HostSeen(name, f"tcp://{name}:8788", report(name, **more))


class StubBridge:
    """A bridge that tells what it was told to tell, in order. Then it does what `at_end` does."""

    pid = 7

    def __init__(self, *script: BridgeEvent | Exception | Callable[[], BridgeEvent | None]) -> None:
        self.script = list(script)
        self.sent: list[tuple[str, int, bool]] = []
        """Host, number and `alone` of each page."""
        self.files: list[tuple[str, int, int]] = []
        """Host, number and first page of each file."""
        self.forgotten: list[str] = []
        self.closed = self.killed = False
        self.at_end: Callable[[], None] = lambda: None

    def send_page(self, host: str, number: int, task: PageTask) -> None:
        """Note the page."""
        self.sent.append((host, number, task.alone))

    def send_file(self, host: str, number: int, task: FileTask) -> None:
        """Note the file."""
        self.files.append((host, number, task.first))

    def forget_file(self, key: str) -> None:
        """Note the file."""
        self.forgotten.append(key)

    def next_event(self, seconds: float, wake: WakeupEvent) -> BridgeEvent | None:  # noqa: ARG002
        """Tell what comes next."""
        if not self.script:
            self.at_end()
            return None
        event = self.script.pop(0)
        if isinstance(event, Exception):
            raise event
        return event() if callable(event) else event

    def overdue(self, seconds: float) -> ChildDiedError:
        """Die."""
        self.killed = True
        return ChildDiedError(f"gave no answer for {seconds:g} s")

    def close(self) -> None:
        """End."""
        self.closed = True

    def signal_kill(self) -> None:
        """Die."""
        self.killed = True
