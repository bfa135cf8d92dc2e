"""One worker as its supervisor sees it, and what the supervisor reports of it. client.py is the real worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ocrspool.errors import EngineError
from ocrspool.pages import PageFault, PageImage, PageOptions, Recognized
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.recognition.page_queue import PageTask

_PUBLISHED = ("runtime", "runtime_version", "precision", "fingerprint")
"""The facts of an engine that a status has, beside the device."""

STAGE_SECONDS = 300.0
"""A worker that loads reports each stage, and has so long for one."""

OnStage = Callable[[str], None]
"""Is told what a worker that loads is doing."""

Outcome = tuple[int, Recognized | PageFault]
"""The number of a page, and what became of it."""


class Worker(Protocol):
    """A process that loads an engine and then reads pages. One thread uses it."""

    @property
    def pid(self) -> int:
        """Its process id."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What its engine is; empty while that loads."""

    @property
    def pages(self) -> int:
        """How many pages it has been given."""

    def has_loaded(self, seconds: float) -> bool:
        """Tell whether the engine is loaded. Wait at most so long. Raise EngineError: the worker is dead then."""

    def send_page(self, number: int, image: PageImage, options: PageOptions) -> None:
        """Send a page under a number. Raise ChildDiedError."""

    def wait_for_result(self, seconds: float, wake: WakeupEvent, on_progress: Callable[[], None]) -> Outcome | None:
        """Wait for a page to be done. Return None after a step of one, or once `wake` is set.

        The worker has so many seconds for each step, and calls `on_progress` after it. Raise ChildDiedError where it
        has died or hangs, EngineError where its engine has failed.
        """

    def check(self) -> None:
        """Raise ChildDiedError where it has ended, or can read nothing any more, as far as that is known here."""

    def ping(self, seconds: float) -> None:
        """Ask whether it answers. Raise ChildDiedError or EngineError."""

    def resident_bytes(self) -> int:
        """Return the memory that it holds."""

    def close(self) -> None:
        """Let it end; kill it where it does not."""

    def signal_kill(self) -> None:
        """End it. Any thread may call this; the thread that uses the worker then sees it die."""


Launch = Callable[[OnStage], Worker]
"""Starts a worker, which begins to load. Raise EngineError."""


@dataclass(frozen=True, slots=True)
class ReadyWorker:
    """A worker that has loaded its engine."""

    pid: int
    facts: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    """The device that reads: cpu, or the GPU as the configuration names it. It is cpu where a CPU replaces a GPU."""


class WorkerEvents(Protocol):
    """What happens to the worker of a supervisor. The supervisor's thread calls it."""

    def stage(self, text: str) -> None:
        """Take note of what a worker that loads is doing."""

    def ready(self, supervisor: int, worker: ReadyWorker) -> None:
        """Take note that a worker has loaded its engine, and reads pages from now on."""

    def page(self, supervisor: int, task: PageTask, outcome: Recognized | PageFault | EngineError) -> None:
        """Take what became of a page."""

    def lost(self, supervisor: int, error: EngineError | None) -> None:
        """Take note that there is no worker, and why. No error: it has grown, and another one replaces it."""


def engines(workers: Iterable[ReadyWorker]) -> tuple[dict[str, Any], ...]:
    """Return each engine once for each device, with the number of workers that have it loaded."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for worker in workers:
        known = {"device": worker.device, **{name: worker.facts[name] for name in _PUBLISHED}}
        found.setdefault((worker.device, known["fingerprint"]), {**known, "workers": 0})["workers"] += 1
    return tuple(found.values())
