"""Builds the engines that a configuration needs. A process of its own does it, so a native crash is a message here."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ocrspool.config.engine_requests import devices
from ocrspool.config.schema import Config
from ocrspool.errors import EngineError
from ocrspool.formatting import format_duration
from ocrspool.processes.channel import Message
from ocrspool.processes.child import Child, ChildDiedError
from ocrspool.processes.environment import of_workers
from ocrspool.recognition.client import Process
from ocrspool.recognition.engine_errors import engine_error
from ocrspool.recognition.protocol import about_engine
from ocrspool.recognition.worker import OnStage

SILENCE_SECONDS = 3600.0
"""The longest that one stage of a build may take."""

HEARTBEAT_SECONDS = 60.0
"""A stage that takes longer is reported again so often. A journal that is silent for 15 minutes looks like a hang."""


def prebuild(
    config: Config, on_stage: OnStage, *, force: bool = False, download: bool = False, on_wait: OnStage | None = None
) -> list[dict[str, Any]]:
    """Build what is missing, or everything with `force`, for each device. Return the facts of each engine.

    `new` tells whether it was built. Models that are missing are downloaded with `download` only; nothing else may use
    the network. `on_wait` (or `on_stage`) is told from another thread about once a minute that a long stage goes on,
    and for how long. Raise EngineError when an engine cannot be built.
    """
    engines = []
    for request in build_requests(config, force=force, download=download):
        child = Child("ocrspool.recognition.child", of_workers(os.environ, config.paths.cache))
        engines.append(build_in(child, request, on_stage, on_wait or on_stage))
    return engines


def build_requests(config: Config, *, force: bool, download: bool) -> list[Message]:
    """Return the request to a worker process for each engine that the configuration needs."""
    source = config.engine.model_source if download else None
    return [about_engine("build", config, device, force=force, source=source) for device in devices(config)]


def build_in(child: Process, request: Message, on_stage: OnStage, on_wait: OnStage) -> dict[str, Any]:
    """Ask a process for one engine, and end the process. Return the facts of the engine. Raise EngineError."""
    try:
        with _heartbeat(on_stage, on_wait) as told:
            answer, _ = child.ask(request, seconds=SILENCE_SECONDS)
            while "stage" in answer:
                told(answer["stage"])
                answer, _ = child.receive(seconds=SILENCE_SECONDS)
    except ChildDiedError as error:
        raise EngineError(f"the build {error}", "the lines above may tell why; memory is the usual cause") from error
    except BaseException:  # told to stop: it would finish what it is at, which may take minutes
        child.kill()
        raise
    finally:
        child.close()
    if reason := answer.get("error"):
        raise engine_error(reason)
    built: dict[str, Any] = answer["built"]
    return built


@contextmanager
def _heartbeat(on_stage: OnStage, on_wait: OnStage) -> Iterator[OnStage]:
    """Yield what passes stages on to `on_stage`. Tell `on_wait`, from a thread, of a stage that takes long.

    The child cannot tell: its runtime may hold the interpreter for as long as it builds.
    """
    changed = threading.Condition()
    now, began, over = "", 0.0, False

    def tell(stage: str) -> None:
        nonlocal now, began
        with changed:
            on_stage(stage)
            now, began = stage, time.monotonic()
            changed.notify()

    def beat() -> None:
        with changed:
            while not over:
                if not changed.wait(HEARTBEAT_SECONDS) and now and not over:
                    on_wait(f"still {now}: {format_duration(time.monotonic() - began)} so far")

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield tell
    finally:
        with changed:
            over = True
            changed.notify()
        thread.join()
