"""The life of the daemon: start up, main loop, drain. Its first steps are in first_steps.py.

The main thread decides: who may begin a job, what is told, when it ends. It touches no spool: each inbox has a thread
for that (inbox_thread), and each job one that follows it through the other processes (pipeline). Signal handlers only
set flags.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ocrspool.config.sections import Metrics
from ocrspool.errors import EngineMissingError, OcrspoolError
from ocrspool.formatting import counted
from ocrspool.intake.headroom import FreeSpaceGuard
from ocrspool.machine import memory
from ocrspool.observability import log_setup
from ocrspool.observability.snapshot import EngineStatus
from ocrspool.observability.statistics import JobStatistics
from ocrspool.observability.status import Sources, StatusPublisher
from ocrspool.pipeline import outputs
from ocrspool.pipeline.hooks import Hooks
from ocrspool.pipeline.pipeline import Pipeline
from ocrspool.pipeline.runner import JobRunner
from ocrspool.processes.shortage import Shortage
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.recognition.prebuild import SILENCE_SECONDS
from ocrspool.results.from_json import engine_from
from ocrspool.service.active_jobs import job_count
from ocrspool.service.first_steps import FirstSteps
from ocrspool.service.health_monitor import HealthMonitor
from ocrspool.service.inboxes import Inboxes
from ocrspool.service.shared_resources import SharedResources
from ocrspool.service.signals import StoppedError

if TYPE_CHECKING:
    from ocrspool.web.health import Health

_log = logging.getLogger(__name__)

_BETWEEN_GRANTS_SECONDS = 0.01
"""While all slots are taken and files wait, the slots of jobs that end are given out together, so often. To wake two
threads for each of 200 files a second takes up to a tenth of this process's time."""
_ROOM_SECONDS = 1.0
"""While disk or memory is short, it is measured this often."""
_MOST_ON_HOSTS = 512
"""Pages that all hosts of a cluster together are supplied with. Each takes a thread here."""
_MEMORY_SECONDS = 0.25
"""Memory that was enough is measured again after so long. Measuring takes longer than the rest of granting a slot."""


class Service:
    """One daemon. `run` returns when it has been told to stop."""

    def __init__(self, first: FirstSteps) -> None:
        """Begin where the first steps have ended."""
        self._first = first
        self._parts = parts = first.parts
        self._notifier = first.notifier
        self._configuration = first.configuration
        self._live = self._configuration.live
        config = self._live.config
        self._wake = WakeupEvent()
        self._signals = parts.signals(self._wake)
        self._statistics = JobStatistics()
        self._launcher = first.launcher
        self._decoders = parts.decoders(self._live, self._launcher)
        self._assembler = parts.assembler(self._live, self._launcher)
        self._hooks = Hooks(self._launcher)
        self._runner = JobRunner(self._hooks)
        self._recognizer = first.recognizer
        self._memory = FreeSpaceGuard("of memory", memory.available_bytes, _MEMORY_SECONDS)
        self._shortage = Shortage()
        most = job_count(config, _MOST_ON_HOSTS if config.cluster.scheduler else 0)
        around = SharedResources(self._live, self._runner, self._shortage, most, self._wake)
        self._inboxes = Inboxes(around, self._notifier.status, self._decoders.replace_those_of)
        self._pipeline: Pipeline | None = None
        self._health: Health | None = None

    def run(self) -> None:
        """Start, serve until SIGTERM or SIGINT, drain. Raise OcrspoolError when it cannot start."""
        self._signals.install()
        try:
            self._pipeline = self._start_up()
            self._runner.serve(self._pipeline)
            self._main_loop()
            self._drain()
            self._publisher.close()
        except StoppedError:
            self._notifier.stopping()
        except Exception as error:
            self._first.fail(error)
            raise
        finally:
            stopped = self._release()
        self._notifier.status(stopped)

    def _start_up(self) -> Pipeline:
        """Start the rest. Engines are slow and load beside it. The service is ready when all of it works."""
        config = self._live.config
        config.paths.runtime.mkdir(parents=True, exist_ok=True)
        with self._notifier.extend_timeout_while(SILENCE_SECONDS):
            self._decoders.start()
            self._assembler.start()
            self._launcher.start()  # before a spool is opened; what is started until here does not wait for it
            self._hooks.start()
            self._inboxes.open()
            facts = self._wait_for_engines()
        engine = engine_from(facts)
        start = {"in all": round(time.monotonic() - self._first.began, 3), **facts["seconds"]}
        sources = Sources(
            EngineStatus.of(engine), start, self._statistics, self._inboxes.failures, memory.available_bytes
        )
        self._publisher = StatusPublisher(self._notifier, config.paths.runtime, sources)
        _log.info(
            "ready after %.2f s: %s %s on %s, engine %s (%s)",
            start["in all"],
            engine.runtime,
            engine.precision,
            engine.device,
            engine.fingerprint,
            ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in facts["seconds"].items()),
            extra={"event": "ready"},
        )
        self._health_monitor = HealthMonitor(
            self._signals, self._inboxes, self._recognizer, self._memory, self._shortage
        )
        self._publisher.publish(self._health_monitor.standing)
        if config.metrics.listen:
            self._health = self._listening(config.metrics)
        self._notifier.ready()
        decoders = self._recognizer.decoders(self._decoders)
        return Pipeline(self._live, decoders, self._recognizer, engine, self._statistics, assembler=self._assembler)

    def _wait_for_engines(self) -> Mapping[str, Any]:
        """Return the facts of the engine that all workers have loaded. Build it first where that is allowed."""
        with self._signals.interruptible():
            try:
                return self._recognizer.wait_ready()
            except EngineMissingError as error:
                if self._live.config.engine.on_missing != "build":
                    raise
                _log.warning('%s; building it now, because engine.on_missing is "build"', error)
            self._recognizer.close()
            self._parts.build(self._live.config, self._building)
            self._recognizer = self._parts.recognizer(self._live, self._notifier.status, self._launcher)
            self._recognizer.start()
            return self._recognizer.wait_ready()

    def _listening(self, metrics: Metrics) -> Health:
        """Answer questions by HTTP. The modules for that are imported only where they are wanted."""
        page: Any = None
        if metrics.page:
            status_page = import_module("ocrspool.web.status_page").StatusPage
            page = status_page(self._live, lambda: self._publisher.snapshot)
        health: type[Health] = import_module("ocrspool.web.health").Health
        return health(metrics.listen, lambda: self._publisher.snapshot, self._health_monitor.alive, page)

    def _building(self, stage: str) -> None:
        """Name a stage of a build in the log and to systemd. It may take minutes."""
        _log.info("%s", stage)
        self._notifier.status(stage)

    def _main_loop(self) -> None:
        while not self._signals.stops:
            if self._signals.reload_wanted:
                self._reload()
            self._inboxes.look()
            full = False
            if self._inboxes.wanting() and self._shortage.over() and self._has_memory():
                full = self._inboxes.grant(self._slots())
            self._keep_in_touch()
            self._wake.wait(self._until_next())
            if full:
                time.sleep(_BETWEEN_GRANTS_SECONDS)

    def _drain(self) -> None:
        """Finish what is in work within the stop time. Leave the rest in work/ for the next start."""
        self._notifier.stopping()
        deadline = time.monotonic() + self._live.config.service.stop_seconds
        _log.info("stopping: %s in work", counted(self._inboxes.in_work(), "file"), extra={"event": "stopping"})
        # A second signal ends the drain. It does not wait for jobs that wait for a disk.
        while (self._inboxes.running() or self._hooks.busy()) and self._signals.stops == 1:
            if time.monotonic() >= deadline:
                break
            self._keep_in_touch()
            self._wake.wait(min(0.5, deadline - time.monotonic()))

    def _release(self) -> str:
        """End threads and processes, in an order in which none waits for one that has ended. Return what is left.

        The pipeline comes first, whatever the reason for the end: what ends a job from now on is not the file's fault.
        """
        if self._pipeline is not None:
            self._pipeline.stop()
        left = self._inboxes.in_work()
        if self._health is not None:
            self._health.close()
        self._recognizer.close()
        self._decoders.close()
        self._assembler.close()
        closed = self._inboxes.close()
        self._hooks.close()
        self._launcher.close()
        if closed:  # else there are threads that may set it
            self._wake.close()
        wait = "file waits" if left == 1 else "files wait"
        rest = f"; {left} {wait} in work/ for the next start" if left else ""
        _log.info("stopped%s", rest, extra={"event": "stopped"})
        return f"stopped{rest}"

    def _reload(self) -> None:
        """Read the configuration again. A faulty one is reported and changes nothing."""
        self._signals.reload_wanted = False
        self._notifier.reloading()
        try:
            self._configuration.reload()
            config = self._live.config
            log_setup.set_up(config.log.level, config.log.format, fields=True)
            outputs.load(config.wants)
            self._inboxes.change()
            self._health_monitor.refused = ""
            _log.info("reloaded %s", self._configuration.path, extra={"event": "reloaded"})
        except OcrspoolError as error:
            self._health_monitor.refused = error.message.splitlines()[0]
            refused = {"event": "reload-refused"}
            _log.error("reload: the configuration in use stays:\n%s", error.message, extra=refused)
        self._publisher.publish(self._health_monitor.standing, at_once=True)
        self._notifier.ready()

    def _slots(self) -> int:
        """Return how many jobs may run now. Hosts of a cluster come and go."""
        config = self._live.config
        hosts = self._recognizer.status().hosts if config.cluster.scheduler else None
        return job_count(config, 0 if hosts is None else min(hosts.room, _MOST_ON_HOSTS))

    def _has_memory(self) -> bool:
        """Tell whether there is memory for more work. If not, and no job runs, renew the workers, which hold it."""
        if self._memory.enough(self._live.config.limits.free_memory_mb):
            return True
        if not self._inboxes.running():
            self._recognizer.renew()
        return False

    def _until_next(self) -> float:
        """Return how long nothing has to be done unless something happens. No event says that there is room again."""
        due = min(self._publisher.due_in(self._health_monitor.standing), self._inboxes.next_look_in())
        return max(0.0, min(due, _ROOM_SECONDS) if self._health_monitor.shortage_reason() else due)

    def _keep_in_touch(self) -> None:
        """Send the keepalive and publish the status, each as often as it is due."""
        self._health_monitor.mark_alive()
        self._publisher.keepalive(self._health_monitor.alive)
        self._publisher.publish(self._health_monitor.standing)
