"""`ocrspool once`: the pipeline without a spool and without a service."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
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

from ocrspool.cli import once_engine
from ocrspool.config.job_options import options_of
from ocrspool.config.loader import load
from ocrspool.config.schema import Config, Inbox, Profile
from ocrspool.decoding.pool import DecoderProcessPool, decoder_count
from ocrspool.errors import ConfigError, Exit, OcrspoolError
from ocrspool.files import names
from ocrspool.files.name_patterns import NamePatterns
from ocrspool.formatting import counted
from ocrspool.intake.local_files import LocalFiles
from ocrspool.observability import log_setup
from ocrspool.observability.statistics import JobStatistics
from ocrspool.pipeline.pipeline import Pipeline
from ocrspool.results.formats import JSON, SUFFIXES
from ocrspool.results.from_json import engine_from
from ocrspool.service.active_jobs import job_count
from ocrspool.spool.jobs import Job
from ocrspool.spool.outbox import RESULT_SUFFIX

_PIECE = 1 << 20


class UsageError(OcrspoolError):
    """Options that do not go together."""

    exit_code = Exit.USAGE


def once(
    paths: list[Path], outbox: Path | None, config_path: Path | None, profile_name: str, outputs: list[str]
) -> int:
    """Read the files. Without an outbox there is one file, and its result goes to standard output.

    Return 65 when at least one of them failed.
    """
    if unknown := set(outputs) - {JSON, *SUFFIXES}:
        raise ConfigError([f"there is no output {unknown.pop()!r}; there are: json, {', '.join(SUFFIXES)}"])
    configs = [load(config_path)] if config_path else once_engine.configurations()
    profile = _profile(configs[0], profile_name)
    if outbox is None:
        return _to_stdout(configs, profile, paths, outputs)
    with tempfile.TemporaryDirectory() as folder:
        return _into(outbox, configs, profile, [_source(path, Path(folder), configs[0]) for path in paths], outputs)


def _into(outbox: Path, configs: list[Config], profile: Profile, paths: list[Path], outputs: list[str]) -> int:
    """Read files and folders of files into an outbox, and say how many."""
    folders, jobs = _jobs(outbox, paths)
    if not jobs:
        print("ocrspool: there is nothing to read", file=sys.stderr)
        return Exit.NO_INPUT
    _prepare(outbox)
    statistics = _read(_with_inbox(configs, outbox, outputs), profile, folders, jobs)
    total = statistics.total()
    warned = f", {total.warned} with warnings" if total.warned else ""
    read = f"{total.done} of {counted(len(jobs), 'file')} read, {counted(total.pages, 'page')}"
    print(f"{read}, {total.failed} failed{warned}; results in {outbox}")
    return Exit.DATA if total.failed or total.done < len(jobs) else Exit.OK


def _to_stdout(configs: list[Config], profile: Profile, paths: list[Path], outputs: list[str]) -> int:
    """Read one file and write its result, or the one output that is asked for, to standard output."""
    wanted = outputs or [JSON]
    if len(paths) != 1 or len(wanted) != 1 or paths[0].is_dir():
        raise UsageError("standard output takes one output of one file; name a folder with --outbox for more")
    with tempfile.TemporaryDirectory() as folder:
        source, outbox = _source(paths[0], Path(folder), configs[0]), Path(folder) / "outbox"
        local, jobs = _jobs(outbox, [source])
        _prepare(outbox)
        _read(_with_inbox(configs, outbox, wanted), profile, local, jobs)
        suffix = RESULT_SUFFIX if wanted[0] == JSON else SUFFIXES[wanted[0]]
        made = outbox / f"{jobs[0].name}{suffix}"
        if not made.is_file():
            return Exit.DATA
        with made.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return Exit.OK


def _source(path: Path, folder: Path, config: Config) -> Path:
    """Return where a file is: what comes from standard input is put into a folder, under the name "stdin"."""
    if os.fspath(path) != "-":
        return path
    if sys.stdin.isatty():
        raise UsageError("nothing comes from standard input: send a file there")
    source = folder / "stdin"
    left = config.limits.file_mb * 1_000_000 + 1  # one byte more than may be read: the file fails for that reason
    with source.open("wb") as file:
        while left and (piece := sys.stdin.buffer.read(min(left, _PIECE))):
            file.write(piece)
            left -= len(piece)
    return source


def _jobs(outbox: Path, paths: list[Path]) -> tuple[LocalFiles, list[Job]]:
    folders = LocalFiles(outbox)
    return folders, folders.jobs(paths, NamePatterns(("*",), Inbox(root=outbox).ignore))


def _with_inbox(configs: list[Config], outbox: Path, outputs: list[str]) -> list[Config]:
    inbox = Inbox(root=outbox, outputs=cast(Any, tuple(outputs)))
    return [config.model_copy(update={"inbox": {"once": inbox}}) for config in configs]


def _prepare(outbox: Path) -> None:
    """Make the outbox. Raise OSError now where nothing can be written to it: a pipeline waits for its disk."""
    outbox.mkdir(parents=True, exist_ok=True)
    if not os.access(outbox, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(outbox))


def _read(configs: list[Config], profile: Profile, folders: LocalFiles, jobs: list[Job]) -> JobStatistics:
    statistics = JobStatistics()
    log_setup.set_up("error", configs[0].log.format)
    live, workers, facts = once_engine.loaded(configs)
    config = live.config
    decoders = DecoderProcessPool(decoder_count(config), live)
    pipeline = Pipeline(live, workers.decoders(decoders), workers, engine_from(facts), statistics)
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


def _profile(config: Config, name: str) -> Profile:
    if name not in {"default", *config.profile}:
        raise ConfigError([f"there is no profile {name!r}; there are: {', '.join(sorted(config.profile))}"])
    return config.profile.get(name, Profile())
