"""`ocrspool once`: the pipeline without a spool and without a service."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, cast

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ocrspool.cli.prebuild import Progress as Stages
from ocrspool.config.current import CurrentConfig
from ocrspool.config.job_options import options_of
from ocrspool.config.loader import load
from ocrspool.config.schema import Config, Engine, Inbox, Paths, Profile
from ocrspool.decoding.pool import DecoderProcessPool, decoder_count
from ocrspool.errors import ConfigError, EngineMissingError, Exit
from ocrspool.files import names
from ocrspool.files.name_patterns import NamePatterns
from ocrspool.formatting import counted
from ocrspool.intake.local_files import LocalFiles
from ocrspool.observability import log_setup
from ocrspool.observability.statistics import JobStatistics
from ocrspool.pipeline.pipeline import Pipeline
from ocrspool.recognition.api import PageRecognizer
from ocrspool.recognition.pool import WorkerPool
from ocrspool.recognition.prebuild import prebuild
from ocrspool.results.formats import JSON, SUFFIXES
from ocrspool.results.schema import engine_from
from ocrspool.service.active_jobs import job_count
from ocrspool.spool.jobs import Job


def once(paths: list[Path], outbox: Path, config_path: Path | None, profile_name: str, outputs: list[str]) -> int:
    """Read the files. Return 65 when at least one of them failed."""
    config = load(config_path) if config_path else _own_config()
    profile = _profile(config, profile_name)
    if unknown := set(outputs) - {JSON, *SUFFIXES}:
        raise ConfigError([f"there is no output {unknown.pop()!r}; there are: json, {', '.join(SUFFIXES)}"])
    config = config.model_copy(update={"inbox": {"once": Inbox(root=outbox, outputs=cast(Any, tuple(outputs)))}})
    log_setup.set_up("error", config.log.format)
    rules = NamePatterns(("*",), config.inbox["once"].ignore)
    folders = LocalFiles(outbox)
    jobs = folders.jobs(paths, rules)
    if not jobs:
        print("ocrspool: there is nothing to read", file=sys.stderr)
        return Exit.NO_INPUT
    _prepare(outbox)
    statistics = _read(config, profile, folders, jobs)
    total = statistics.total()
    warned = f", {total.warned} with warnings" if total.warned else ""
    read = f"{total.done} of {counted(len(jobs), 'file')} read, {counted(total.pages, 'page')}"
    print(f"{read}, {total.failed} failed{warned}; results in {outbox}")
    return Exit.DATA if total.failed or total.done < len(jobs) else Exit.OK


def _prepare(outbox: Path) -> None:
    """Make the outbox. Raise OSError now where nothing can be written to it: a pipeline waits for its disk."""
    outbox.mkdir(parents=True, exist_ok=True)
    if not os.access(outbox, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(outbox))


def _read(config: Config, profile: Profile, folders: LocalFiles, jobs: list[Job]) -> JobStatistics:
    statistics = JobStatistics()
    live = CurrentConfig(config)
    workers, facts = _engine(live)
    decoders = DecoderProcessPool(decoder_count(config), live)
    pipeline = Pipeline(live, decoders, workers, engine_from(facts), statistics)
    console = Console(stderr=True)
    columns = (
        TextColumn("reading"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    try:
        with (
            Progress(*columns, console=console, disable=not console.is_terminal) as bar,
            ThreadPoolExecutor(job_count(config)) as threads,
        ):
            task = bar.add_task("", total=len(jobs))
            options = options_of(config.inbox["once"], profile)
            shown = 0
            try:
                for _ in as_completed([threads.submit(pipeline.run_through, job, folders, options) for job in jobs]):
                    bar.advance(task)
                    for source, reason in folders.failures[shown:]:
                        shown += 1
                        text = f"{names.printable(os.fspath(source))}: {names.printable(reason['message'])}"
                        console.print(text, markup=False, highlight=False, soft_wrap=True)
            except KeyboardInterrupt:
                pipeline.stop()
                workers.close()
                decoders.close()
                threads.shutdown(cancel_futures=True)
                raise
    finally:
        workers.close()
        decoders.close()
    return statistics


def _engine(live: CurrentConfig) -> tuple[PageRecognizer, Mapping[str, object]]:
    """Load the engine; build it first where it is missing and the configuration allows that."""
    try:
        return _loaded(live)
    except EngineMissingError:
        if live.config.engine.on_missing == "fail":
            raise
    with Stages() as stages:
        prebuild(live.config, stages)
    return _loaded(live)


def _loaded(live: CurrentConfig) -> tuple[PageRecognizer, Mapping[str, object]]:
    """Return workers that have loaded, and the facts of their engine."""
    workers = WorkerPool(live, lambda _: None)
    workers.start()
    try:
        return workers, workers.wait_ready()
    except BaseException:
        workers.close()
        raise


def _own_config() -> Config:
    """Return the configuration of a user without one: engines in the user's cache, built when missing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ocrspool"
    return Config(paths=Paths(cache=cache, runtime=cache), engine=Engine(on_missing="build"))


def _profile(config: Config, name: str) -> Profile:
    if name not in {"default", *config.profile}:
        raise ConfigError([f"there is no profile {name!r}; there are: {', '.join(sorted(config.profile))}"])
    return config.profile.get(name, Profile())
