"""The daemon's life: start up, main loop, drain. Imports no OCR and no image library: it starts at once, and stays.

The main thread owns the inboxes and all decisions; each job has a thread of its own that follows it through the
other processes (pipeline); signal handlers only set flags.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from ocrspool import check, log, memory, processes
from ocrspool.config import Config, Live, Metrics
from ocrspool.config_file import load
from ocrspool.decoders import Decoders
from ocrspool.errors import ConfigError, EngineMissingError, OcrspoolError
from ocrspool.hooks import Hooks
from ocrspool.inboxes import Inboxes
from ocrspool.intake import Intake
from ocrspool.jobs import Job
from ocrspool.notify import Notifier
from ocrspool.pipeline import Pipeline
from ocrspool.prebuild import SILENCE_SECONDS, prebuild
from ocrspool.reload import differences, live_part
from ocrspool.report import Reporter, Standing
from ocrspool.result import engine_from
from ocrspool.room import Room
from ocrspool.tally import Tally
from ocrspool.wake import Wake
from ocrspool.watch import Watch
from ocrspool.workers import Workers

if TYPE_CHECKING:
    from ocrspool.health import Health

_log = logging.getLogger(__name__)

_LONGEST_TURN_SECONDS = 90.0
"""The main loop comes round once a minute at least, and is stuck if it does not."""
_ROOM_SECONDS = 1.0
"""While disk or memory is short, it is looked at this often."""


class _StoppedError(Exception):
    """A signal to stop came while the service was doing something that only an exception can end."""


class Service:
    """One daemon. `run` returns when it has been told to stop."""

    def __init__(self, path: Path, log_format: log.Format | None = None) -> None:
        self._path = path
        self._log_format = log_format
        """In place of the configuration's."""
        self._live = Live(self._read())
        config = self._live.config
        log.set_up(config.log.level, config.log.format, fields=True)
        self._began = time.monotonic()
        self._wake = Wake()
        self._watch = Watch(self._wake)
        self._notifier = Notifier()
        self._tally = Tally()
        self._inboxes = Inboxes(self._live, self._watch, self._notifier.status)
        self._decoders = Decoders(decoder_count(config), self._live)
        self._hooks = Hooks(self._live)
        self._workers = Workers(self._live, self._notifier.status)
        self._most_jobs = job_count(config)
        self._threads = ThreadPoolExecutor(self._most_jobs, thread_name_prefix="job")
        self._in_work: list[str] = []
        """The inbox of each job that has a thread."""
        self._in_work_changed = threading.Lock()
        self._stops = 0
        self._reload_wanted = False
        self._interruptible = False
        self._memory = Room("of memory", memory.available_bytes)
        self._health: Health | None = None
        self._turned_at = self._began
        """When the main loop last came round."""

    def run(self) -> None:
        """Start, serve until SIGTERM or SIGINT, drain. Raise OcrspoolError when it cannot start."""
        processes.share_one_heap()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)
        try:
            pipeline = self._start_up()
            self._main_loop(pipeline)
            self._drain(pipeline)
            self._reporter.close()
        except _StoppedError:
            self._notifier.stopping()
        except OcrspoolError as error:
            self._notifier.status(error.message.splitlines()[0])
            self._notifier.failed(error.exit_code)
            raise
        finally:
            self._release()

    def _start_up(self) -> Pipeline:
        """Bring up everything, the slow part (engines) beside the rest; ready when all of it works."""
        config = self._live.config
        self._notifier.status("checking the configuration")
        if problems := check.problems(config):
            raise ConfigError(problems)
        config.paths.runtime.mkdir(parents=True, exist_ok=True)
        with self._notifier.patience(SILENCE_SECONDS):
            self._workers.start()
            self._decoders.start()
            self._hooks.start()
            self._watch.start()
            self._inboxes.open()
            facts = self._wait_for_engines()
        engine = engine_from(facts)
        start = {"in all": round(time.monotonic() - self._began, 3), **facts["seconds"]}
        self._reporter = Reporter(self._notifier, config.paths.runtime, engine, self._tally, start)
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
        self._reporter.tell(self._standing())
        if config.metrics.listen:
            self._health = self._listening(config.metrics)
        self._notifier.ready()
        return Pipeline(self._live, self._decoders, self._workers, engine, self._tally)

    def _wait_for_engines(self) -> dict[str, Any]:
        """Return the facts of the engine that all workers have loaded; build it first where that is allowed."""
        self._interruptible = True
        try:
            try:
                return self._workers.wait_ready()
            except EngineMissingError as error:
                if self._live.config.engine.on_missing != "build":
                    raise
                _log.warning('%s; building it now, because engine.on_missing is "build"', error)
            self._workers.close()
            prebuild(self._live.config, self._building)
            self._workers = Workers(self._live, self._notifier.status)
            self._workers.start()
            return self._workers.wait_ready()
        finally:
            self._interruptible = False

    def _listening(self, metrics: Metrics) -> Health:
        """Answer who asks how things stand. What that takes is imported only where it is wanted."""
        page: Any = None
        if metrics.page:
            page = import_module("ocrspool.page").Page(self._live, lambda: self._reporter.facts)
        health: type[Health] = import_module("ocrspool.health").Health
        return health(metrics.listen, lambda: self._reporter.facts, self._is_alive, page)

    def _building(self, stage: str) -> None:
        """Tell of a build, which may take as long as everything else in a week, to whoever reads either."""
        _log.info("%s", stage)
        self._notifier.status(stage)

    def _main_loop(self, pipeline: Pipeline) -> None:
        while not self._stops:
            if self._reload_wanted:
                self._reload()
            self._inboxes.scan()
            self._claim(pipeline)
            self._inboxes.let_leave(self._in_work)
            self._keep_in_touch()
            self._wake.wait(self._until_next())

    def _drain(self, pipeline: Pipeline) -> None:
        """Finish what is in work, within the stop time; leave the rest in work/ for the next start."""
        self._notifier.stopping()
        deadline = time.monotonic() + self._live.config.service.stop_seconds
        _log.info("stopping: %d files in work", len(self._in_work), extra={"event": "stopping"})
        # A second signal ends it.
        while (self._in_work or self._hooks.busy()) and self._stops == 1 and time.monotonic() < deadline:
            self._keep_in_touch()
            self._wake.wait(min(0.5, deadline - time.monotonic()))
        pipeline.stop()

    def _release(self) -> None:
        """End threads and processes, in an order in which nothing waits for what has gone."""
        left = len(self._in_work)
        if self._health is not None:
            self._health.close()
        self._workers.close()
        self._decoders.close()
        self._threads.shutdown(wait=True)
        self._hooks.close()
        self._inboxes.close()
        self._watch.stop()
        self._wake.close()
        rest = f"; {left} files wait in work/ for the next start" if left else ""
        _log.info("stopped%s", rest, extra={"event": "stopped"})

    def _claim(self, pipeline: Pipeline) -> None:
        """Take files while there is room for more."""
        while len(self._in_work) < self._most_jobs and self._has_memory():
            claimed = self._inboxes.claim()
            if claimed is None:
                return
            self._begin(pipeline, *claimed)

    def _begin(self, pipeline: Pipeline, job: Job, intake: Intake) -> None:
        with self._in_work_changed:
            self._in_work.append(intake.name)

        def follow() -> None:
            try:
                event = pipeline.run(job, intake.spool, intake.profile, intake.inbox.outputs)
                if event is not None:
                    self._hooks.ring(event)
            finally:
                with self._in_work_changed:
                    self._in_work.remove(intake.name)
                self._wake.set()

        self._threads.submit(follow)

    def _read(self) -> Config:
        """Read the configuration. Raise ConfigError."""
        config = load(self._path)
        if self._log_format is None:
            return config
        return config.model_copy(update={"log": config.log.model_copy(update={"format": self._log_format})})

    def _reload(self) -> None:
        """Read the configuration again: a faulty one is reported and changes nothing."""
        self._reload_wanted = False
        self._notifier.reloading()
        try:
            wanted = self._read()
            if problems := check.problems(wanted):
                raise ConfigError(problems)
            for difference in differences(self._live.config, wanted):
                _log.warning("reload: %s takes effect at the next start", difference)
            self._live.config = live_part(self._live.config, wanted)
            log.set_up(wanted.log.level, wanted.log.format, fields=True)
            self._inboxes.change(self._in_work)
            _log.info("reloaded %s", self._path, extra={"event": "reloaded"})
        except OcrspoolError as error:
            refused = {"event": "reload-refused"}
            _log.error("reload: the configuration in use stays:\n%s", error.message, extra=refused)
        self._notifier.ready()

    def _has_memory(self) -> bool:
        """Tell whether there is memory for more work. Where it is our own workers who hold it, they begin anew."""
        if self._memory.enough(self._live.config.limits.free_memory_mb):
            return True
        if not self._in_work:
            self._workers.renew()
        return False

    def _lack(self) -> str:
        """Return why nothing is claimed, or not from every inbox."""
        return self._memory.lack or self._inboxes.lack()

    def _until_next(self) -> float:
        """Return for how long nothing has to be done unless something happens. Room comes back without a word."""
        due = min(self._reporter.due_in(self._standing()), self._inboxes.next_scan_in())
        return max(0.0, min(due, _ROOM_SECONDS) if self._lack() else due)

    def _keep_in_touch(self) -> None:
        """Keepalive and status, as often as each is due."""
        self._turned_at = time.monotonic()
        self._reporter.keepalive(alive=self._is_alive())
        self._reporter.tell(self._standing())

    def _is_alive(self) -> bool:
        """Tell whether everything that has to go round does; other threads may ask too."""
        turns = time.monotonic() < self._turned_at + _LONGEST_TURN_SECONDS
        return turns and self._watch.alive() and self._workers.responsive()

    def _standing(self) -> Standing:
        return Standing(
            state=self._state(),
            waiting=self._inboxes.waiting(),
            in_work=len(self._in_work),
            workers=tuple(self._workers.pids()),
            worker_restarts=self._workers.restarts,
            lack=self._lack(),
            queues=self._inboxes.queues(),
            overflows=self._watch.overflows,
        )

    def _state(self) -> str:
        if self._stops:
            return "stopping"
        return "ready" if self._workers.healthy() and not self._workers.standing_in() else "degraded"

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        """Count: one signal drains, a second ends the drain. A start that is waiting ends at once."""
        self._stops += 1
        self._wake.set()
        if self._interruptible:
            self._interruptible = False
            raise _StoppedError

    def _on_reload(self, _number: int, _frame: FrameType | None) -> None:
        self._reload_wanted = True
        self._wake.set()


def decoder_count(config: Config) -> int:
    """Return how many decoder processes to keep: as configured, or one for every two processors."""
    return config.service.decoders or max(1, len(os.sched_getaffinity(0)) // 2)


def job_count(config: Config) -> int:
    """Return how many files may be in work: enough to fill the next batch while one is recognized."""
    service = config.service
    return decoder_count(config) + 2 * service.batch_pages * service.workers * len(config.engine.devices)
