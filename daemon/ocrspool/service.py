"""The daemon's life: startup, main loop, drain. Imports no OCR and no image library, so it starts at once and stays.

The main thread owns the inboxes and all decisions; each job has a thread of its own that follows it through the
other processes (pipeline); signal handlers only set flags.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

from ocrspool import atomic, check
from ocrspool.config import Config
from ocrspool.decoders import Decoders
from ocrspool.errors import ConfigError, EngineMissingError
from ocrspool.intake import Intake
from ocrspool.notify import Notifier
from ocrspool.pipeline import Pipeline
from ocrspool.prebuild import prebuild
from ocrspool.result import Engine, engine_from
from ocrspool.spool import Job
from ocrspool.tally import Tally
from ocrspool.wake import Wake
from ocrspool.watch import Watch
from ocrspool.workers import Workers

_log = logging.getLogger(__name__)

_REPORT_SECONDS = 1.0
_IDLE_SECONDS = 60.0


class Service:
    """One daemon. `run` returns when it has been told to stop."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._began = time.monotonic()
        self._wake = Wake()
        self._watch = Watch(self._wake)
        self._notifier = Notifier()
        self._tally = Tally()
        self._intakes = [
            Intake(name, inbox, config.profile_of(name), self._watch) for name, inbox in config.inbox.items()
        ]
        self._decoders = Decoders(decoder_count(config), config.limits)
        self._workers = Workers(config, config.service.workers, self._say)
        self._most_jobs = job_count(config)
        self._threads = ThreadPoolExecutor(self._most_jobs, thread_name_prefix="job")
        self._in_work = 0
        self._in_work_changed = threading.Lock()
        self._stops = 0
        self._short_of_room = False
        self._next_report = 0.0
        self._next_keepalive = 0.0
        self._engine: Engine | None = None

    def run(self) -> None:
        """Start, serve until SIGTERM or SIGINT, drain. Raise OcrspoolError when it cannot start."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        try:
            pipeline = self._start_up()
            if not self._stops:
                self._main_loop(pipeline)
            self._drain(pipeline)
        finally:
            self._release()

    def _start_up(self) -> Pipeline:
        """Bring up everything, the slow part (engines) beside the rest; ready when all of it works."""
        self._say("checking the configuration")
        if problems := check.problems(self._config):
            raise ConfigError(problems)
        self._config.paths.runtime.mkdir(parents=True, exist_ok=True)
        self._workers.start()
        self._decoders.start()
        self._watch.start()
        self._say("recovering")
        for intake in self._intakes:
            if waiting := intake.open():
                _log.info("inbox %s: %d files were left in work/ and are read again", intake.name, waiting)
            intake.scan_if_due()
        facts = self._wait_for_engines()
        self._engine = engine_from(facts)
        _log.info(
            "ready after %.2f s: %s %s on %s, engine %s (%s)", time.monotonic() - self._began, self._engine.runtime,
            self._engine.precision, self._engine.device, self._engine.fingerprint,
            ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in facts["seconds"].items()),
        )  # fmt: skip
        for intake in self._intakes:
            _log.info(
                "inbox %s: drop files into %s; results appear in %s",
                intake.name,
                intake.spool.inbox,
                intake.spool.outbox,
            )
        self._report()
        self._notifier.ready()
        return Pipeline(self._config, self._decoders, self._workers, self._engine, self._tally)

    def _wait_for_engines(self) -> dict[str, Any]:
        try:
            return self._workers.wait_ready(self._not_stopping)
        except EngineMissingError as error:
            if self._config.engine.on_missing != "build":
                raise
            _log.warning('%s; building it now, because engine.on_missing is "build"', error)
        self._workers.close()
        prebuild(self._config, self._say)
        self._workers = Workers(self._config, self._config.service.workers, self._say)
        self._workers.start()
        return self._workers.wait_ready(self._not_stopping)

    def _main_loop(self, pipeline: Pipeline) -> None:
        while not self._stops:
            for intake in self._intakes:
                intake.scan_if_due()
            self._claim(pipeline)
            self._keep_in_touch()
            self._wake.wait(self._until_next())

    def _drain(self, pipeline: Pipeline) -> None:
        """Finish what is in work, within the stop time; leave the rest in work/ for the next start."""
        self._notifier.stopping()
        deadline = time.monotonic() + self._config.service.stop_seconds
        _log.info("stopping: %d files in work", self._in_work)
        while self._in_work and self._stops < 2 and time.monotonic() < deadline:  # noqa: PLR2004 - the second signal
            self._keep_in_touch()
            self._wake.wait(min(0.5, deadline - time.monotonic()))
        pipeline.stop()

    def _release(self) -> None:
        """End threads and processes, in an order in which nothing waits for what has gone."""
        left = self._in_work
        self._workers.close()
        self._decoders.close()
        self._threads.shutdown(wait=True)
        self._watch.stop()
        for intake in self._intakes:
            intake.close()
        with suppress(OSError):
            self._state_file().unlink(missing_ok=True)
        self._wake.close()
        _log.info("stopped%s", f"; {left} files wait in work/ for the next start" if left else "")

    def _claim(self, pipeline: Pipeline) -> None:
        """Take files in turn from the inboxes while there is room for more."""
        idle = False
        while not idle and self._in_work < self._most_jobs and self._has_room():
            idle = True
            for intake in self._intakes:
                try:
                    job = intake.claim()
                except OSError as error:
                    _log.error("inbox %s: cannot claim: %s", intake.name, error)
                    continue
                if job is not None:
                    idle = False
                    self._begin(pipeline, job, intake)

    def _begin(self, pipeline: Pipeline, job: Job, intake: Intake) -> None:
        with self._in_work_changed:
            self._in_work += 1

        def follow() -> None:
            try:
                pipeline.run(job, intake.spool, intake.profile)
            finally:
                with self._in_work_changed:
                    self._in_work -= 1
                self._wake.set()

        self._threads.submit(follow)

    def _has_room(self) -> bool:
        """Tell whether the disk has room for more work; say so when that changes."""
        least = self._config.limits.free_disk_mb << 20
        short = any(intake.free_bytes() < least for intake in self._intakes)
        if short != self._short_of_room:
            self._short_of_room = short
            if short:
                _log.error("less than %d MiB free: nothing is claimed until there is room", least >> 20)
            else:
                _log.info("there is room on the disk again")
        return not short

    def _until_next(self) -> float:
        """Return for how long nothing has to be done unless something happens."""
        now = time.monotonic()
        due = [now + _IDLE_SECONDS, self._next_report, *(intake.next_scan() for intake in self._intakes)]
        if self._notifier.keepalive_seconds is not None:
            due.append(self._next_keepalive)
        return max(0.0, min(due) - now)

    def _keep_in_touch(self) -> None:
        """Keepalive and status, as often as each is due."""
        now = time.monotonic()
        every = self._notifier.keepalive_seconds
        if every is not None and now >= self._next_keepalive:
            self._next_keepalive = now + every
            if self._watch.alive():
                self._notifier.keepalive()
        if now >= self._next_report:
            self._report()

    def _report(self) -> None:
        """Tell systemd and `ocrspool status` where things stand."""
        self._next_report = time.monotonic() + (_REPORT_SECONDS if self._in_work else _IDLE_SECONDS)
        total, waiting = self._tally.total(), sum(intake.depth().settled for intake in self._intakes)
        state = "stopping" if self._stops else "ready" if self._workers.healthy() else "degraded"
        engine = self._engine
        self._notifier.status(
            f"{state} · {engine.runtime if engine else ''} {engine.precision if engine else ''} · "
            f"{waiting} waiting, {self._in_work} in work, {total.done} done, {total.failed} failed · "
            f"{self._tally.pages_per_second():.1f} pages/s"
        )
        facts = {
            "pid": os.getpid(),
            "state": state,
            "engine": asdict(engine) if engine else None,
            "workers": self._workers.pids(),
            "worker_restarts": self._workers.restarts,
            "in_work": self._in_work,
            "pages_per_second": round(self._tally.pages_per_second(), 2),
            "since_start": {name: asdict(count) for name, count in self._tally.inboxes.items()},
            "last_failures": self._tally.failures(),
        }
        with suppress(OSError):  # a full disk must not stop the service for want of its status
            atomic.write(self._state_file(), json.dumps(facts).encode(), durable=False)

    def _state_file(self) -> Path:
        return self._config.paths.runtime / "status.json"

    def _say(self, stage: str) -> None:
        self._notifier.status(stage)

    def _not_stopping(self) -> bool:
        return not self._stops

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        """Only count: one signal drains, a second ends the drain. All else happens in the loop."""
        self._stops += 1
        self._wake.set()


def decoder_count(config: Config) -> int:
    """Return how many decoder processes to keep: as configured, or one for every two processors."""
    return config.service.decoders or max(1, len(os.sched_getaffinity(0)) // 2)


def job_count(config: Config) -> int:
    """Return how many files may be in work: enough to fill the next batch while one is recognized."""
    service = config.service
    return decoder_count(config) + 2 * service.batch_pages * service.workers
