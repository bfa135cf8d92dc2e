"""Several models built at the same time, each in a process of its own.

TensorRT's builder keeps one processor busy for a quarter of an hour while the GPU is nearly idle (measured on an H100:
96 percent of a core), and it holds Python's lock meanwhile. In parallel, three models take as long as the slowest of
them, and a builder that crashes ends only its own process.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from typing import TYPE_CHECKING

from ocrspool.errors import EngineError
from ocrspool.processes.lifetime import die_with_parent

if TYPE_CHECKING:
    from pathlib import Path

    from ocrspool.engine.spec import NetSpec
    from ocrspool.engine_request import Settings

Job = tuple["NetSpec", "Path"]
"""A model, and the empty folder for its engine."""


def build(module: str, jobs: Sequence[Job], settings: Settings) -> Iterator[tuple[NetSpec, float | EngineError]]:
    """Yield each model as soon as it is built, with the seconds it took, or with what kept it from being built.

    `module` is the runtime's. No more at a time than `settings.threads`.
    """
    with ThreadPoolExecutor(min(len(jobs), settings.threads)) as threads:
        building = {threads.submit(_in_a_process, module, *job, settings): job[0] for job in jobs}
        for done in as_completed(building):
            yield building[done], done.result()


def _in_a_process(module: str, spec: NetSpec, folder: Path, settings: Settings) -> float | EngineError:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=_begin, initargs=(os.getpid(),)) as process:
        try:
            return process.submit(_build, module, spec, folder, settings).result()
        except BrokenProcessPool:
            return EngineError(
                f"the process that built {spec.name} died", "the lines above may tell why; memory is the usual cause"
            )
        except EngineError as error:
            return error


def _begin(parent: int) -> None:
    """End with the parent, also with one that has ended already."""
    die_with_parent()
    if os.getppid() != parent:
        os._exit(1)


def _build(module: str, spec: NetSpec, folder: Path, settings: Settings) -> float:
    """Run in the new process: build, and return the seconds it took, the import of the library among them."""
    began = time.perf_counter()
    import_module(module).build(spec, folder, settings)
    return time.perf_counter() - began
