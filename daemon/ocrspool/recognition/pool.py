"""The pool of worker processes: pages in, futures out. Each worker owns one engine on one device.

Each worker has a supervisor, which takes pages from the queue and reports what happens. The pool keeps what was
reported and decides what it means:

- Pages that a worker had when it died or hung fail with EngineError. Their jobs submit them again, alone, so that only
  the job of the page at fault suffers twice.
- A page that makes a sound engine raise an error is read once more, alone. If that fails too, the page fails with
  DocumentError. The worker goes on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config
from ocrspool.decoding.api import DecoderPool
from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import PageFault, PageImage, PageOptions, Recognized
from ocrspool.processes.starting import Start, directly
from ocrspool.recognition.api import RecognizerStatus
from ocrspool.recognition.client import start_worker
from ocrspool.recognition.page_queue import PageQueue, PageTask
from ocrspool.recognition.supervisor import SYSTEM, Place, Timing, WorkerSupervisor
from ocrspool.recognition.worker import Launch, OnStage, ReadyWorker, Worker, engines

if TYPE_CHECKING:
    from ocrspool.recognition.hosts.seat import HostsSeat
    from ocrspool.recognition.shared_engine import SharedEngine

_log = logging.getLogger(__name__)

_ORDINARY_PAGE_MB = 12
"""A4 at 200 dpi in color."""
_TRIES_OF_A_PAGE = 2
"""One failure may be chance, or the fault of another page whose lines were in the same batch."""


class WorkerPool:
    """A PageRecognizer over all devices."""

    def __init__(
        self,
        live: CurrentConfig,
        on_stage: OnStage,
        launch: Launch | None = None,
        timing: Timing = SYSTEM,
        start: Start = directly,
    ) -> None:
        """`on_stage` is told what loading workers do. `launch` starts each worker in place of a real process.

        `start` starts real processes.
        """
        self._live = live
        self._start = start
        self._on_stage = on_stage
        self._shared = _shared_engines(live, start)
        """The engines that the workers of a device share, by device."""
        self._queue = PageQueue(lambda: page_memory_mb(live.config) << 20, engines_are_shared=bool(self._shared))
        self._changed = threading.Condition()
        self._ready: dict[int, ReadyWorker] = {}
        """The workers that have an engine, by the number of their supervisor."""
        self._first: dict[int, ReadyWorker | EngineError] = {}
        """How the first start of each worker ended."""
        self._restarts = 0
        engine, each = live.config.engine, live.config.service.workers
        self._devices = dict(enumerate((device for _ in range(each) for device in engine.devices), 1))
        self._supervisors = [
            WorkerSupervisor(
                Place(number, device, live), self._queue, self, launch or self._launch(number, device), timing
            )
            for number, device in self._devices.items()
        ]
        self._hosts: HostsSeat | None = None
        if live.config.cluster.scheduler:  # the modules for a cluster are imported only where there is one
            seat: type[HostsSeat] = import_module("ocrspool.recognition.hosts.seat").HostsSeat
            self._hosts = seat(live, self._queue, on_stage, self._local_engine)

    def start(self) -> None:
        """Start the workers. They load side by side."""
        for supervisor in self._supervisors:
            supervisor.start()
        if self._hosts is not None:
            self._hosts.start()

    def wait_ready(self) -> Mapping[str, Any]:
        """Wait until every worker has loaded, and enough hosts have joined. Return the facts of the first engine.

        Raise what kept one from it.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._failures() or len(self._first) == len(self._devices))
            if failures := self._failures():
                raise failures[0]
        on_hosts = {} if self._hosts is None else self._hosts.wait_ready()
        return self._local_engine() or on_hosts

    def submit(self, image: PageImage, options: PageOptions, *, alone: bool = False) -> Future[Recognized]:
        """Queue a page, and wait while too much is held. See PageRecognizer."""
        task = PageTask(image, options, alone)
        self._queue.put(task)
        return task.future

    def decoders(self, here: DecoderPool) -> DecoderPool:
        """Return decoders that give whole files to hosts, where there is a cluster; otherwise those of this machine."""
        return here if self._hosts is None else self._hosts.decoders(here)

    def status(self) -> RecognizerStatus:
        """Return how the workers are now."""
        with self._changed:
            ready = dict(self._ready)
            restarts = self._restarts
        hosts = None if self._hosts is None else self._hosts.status()
        return RecognizerStatus(
            ready=bool(ready) or (hosts is not None and hosts.room > 0),
            responsive=all(supervisor.responsive() for supervisor in self._supervisors)
            and (self._hosts is None or self._hosts.responsive()),
            uses_cpu_fallback=any(
                worker.device == "cpu" and self._devices[number] != "cpu" for number, worker in ready.items()
            ),
            engines=engines(ready.values()),
            pids=tuple(pid for supervisor in self._supervisors for pid in supervisor.pids()),
            restarts=restarts,
            hosts=hosts,
        )

    def engine_facts(self) -> tuple[Mapping[str, Any], ...]:
        """Return each engine that reads now, once, as its worker has described it."""
        with self._changed:
            return tuple({worker.facts["fingerprint"]: worker.facts for worker in self._ready.values()}.values())

    def renew(self) -> None:
        """Replace the workers that have read anything since they loaded: memory is short, and they hold the most."""
        asked = [supervisor.renew() for supervisor in self._supervisors]
        if any(asked) and not self._queue.holds_pages:  # an engine that workers share is ended with no page in work
            for engine in self._shared.values():
                engine.close()

    def close(self) -> None:
        """End the workers now. Pages that were not read fail with EngineError."""
        self._queue.close()
        for supervisor in self._supervisors:
            supervisor.stop()
        for engine in self._shared.values():
            engine.close()
        if self._hosts is not None:
            self._hosts.stop()

    def stage(self, text: str) -> None:
        """Pass on what a worker that loads is doing."""
        self._on_stage(text)

    def ready(self, supervisor: int, worker: ReadyWorker) -> None:
        """Take note that a worker has loaded its engine."""
        with self._changed:
            self._ready[supervisor] = worker
            self._first.setdefault(supervisor, worker)
            self._changed.notify_all()

    def lost(self, supervisor: int, error: EngineError | None) -> None:
        """Take note that there is no worker. It counts as a restart if an engine that had been loaded has failed."""
        with self._changed:
            had_loaded = self._ready.pop(supervisor, None) is not None
            if error is not None:
                self._restarts += had_loaded
                self._first.setdefault(supervisor, error)
            self._changed.notify_all()

    def page(self, supervisor: int, task: PageTask, outcome: Recognized | PageFault | EngineError) -> None:
        """Publish what became of a page, or have it read once more where reading it has failed once."""
        if not isinstance(outcome, PageFault):
            self._queue.complete(task, outcome)
            return
        task.faults += 1
        if task.faults < _TRIES_OF_A_PAGE:
            _log.warning("worker %d could not read a page; it is tried once more: %s", supervisor, outcome.message)
            self._queue.put_back(task)
            return
        self._queue.complete(task, _lost_page(task, outcome))

    def _launch(self, number: int, device: str) -> Launch:
        def launch(on_stage: OnStage) -> Worker:
            name = f"worker {number}"
            if shared := self._shared.get(device):
                return shared.start_worker(name, on_stage)
            return start_worker(name, self._live.config, device, on_stage, self._start)

        return launch

    def _local_engine(self) -> Mapping[str, Any] | None:
        """Return the facts of the first engine of this machine; None while it loads, and if there is none."""
        with self._changed:
            first = self._ready.get(1) or self._first.get(1)
        return first.facts if isinstance(first, ReadyWorker) else None

    def _failures(self) -> list[EngineError]:
        """Return what kept workers from loading at the start. The caller holds the lock."""
        return [each for _, each in sorted(self._first.items()) if isinstance(each, EngineError)]


def page_memory_mb(config: Config) -> int:
    """Return how many megabytes the pages that wait or are read may take together.

    Where that is left open, there is room for what workers of GPUs may have in work: 512 MB hold 75 receipts of 7 MB,
    and six workers for each of two GPUs may have 192 in work.
    """
    limits, service = config.limits, config.service
    in_work = service.workers * service.batch_pages * sum(device != "cpu" for device in config.engine.devices)
    return limits.memory_mb or max(limits.page_mb, _ORDINARY_PAGE_MB * in_work)


def _shared_engines(live: CurrentConfig, start: Start) -> dict[str, SharedEngine]:
    """Return the engines that the workers of a device share, by device: those of GPUs that have several workers."""
    engine = live.config.engine
    devices = [device for device in engine.devices if device != "cpu"]
    # With TensorRT 8.5, six workers read 67 receipts/s with an engine each, and 55 with one (docs/lab/gpu.md).
    wanted = engine.shared == "always" or (engine.shared == "auto" and engine.provider == "cuda")
    if not wanted or not devices or live.config.service.workers == 1:
        return {}
    shared: type[SharedEngine] = import_module("ocrspool.recognition.shared_engine").SharedEngine
    return {device: shared(device, lambda: live.config, start) for device in devices}


def _lost_page(task: PageTask, fault: PageFault) -> DocumentError:
    return DocumentError(
        "recognition",
        f"reading this page failed {task.faults} times: {fault.message}",
        "this is a fault of the program, not of the page; the log has where it happened; please report it",
        stage="recognize",
        page=task.image.number,
    )
