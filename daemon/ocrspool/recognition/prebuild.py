"""Builds the engines that a configuration needs, in a process of its own, so that a native crash is a message here."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ocrspool.config.engine_requests import devices
from ocrspool.config.schema import Config
from ocrspool.errors import EngineError
from ocrspool.formatting import format_duration
from ocrspool.processes.channel import Message
from ocrspool.processes.child import Child, ChildDiedError
from ocrspool.processes.environment import of_workers
from ocrspool.recognition.protocol import about_engine, engine_error

SILENCE_SECONDS = 3600.0
"""The longest that one stage of a build may take."""

HEARTBEAT_SECONDS = 60.0
"""A stage that takes longer is told again so often: a journal that is silent for 15 minutes looks like a hang."""

OnStage = Callable[[str], None]


def prebuild(
    config: Config, on_stage: OnStage, *, force: bool = False, download: bool = False, on_wait: OnStage | None = None
) -> list[dict[str, Any]]:
    """Build what is missing, or everything with `force`, for each device. Return the facts of each engine.

    `new` tells whether it was built. Models that are not here are fetched with `download` only: nothing else may go
    to the network. `on_wait` (or `on_stage`) is told from another thread about once a minute that a long stage goes
    on, and for how long. Raise EngineError when an engine cannot be built.
    """
    source = config.engine.model_source if download else None
    requests = [about_engine("build", config, device, force=force, source=source) for device in devices(config)]
    return [_built(request, config.paths.cache, on_stage, on_wait or on_stage) for request in requests]


def _built(request: Message, cache: Path, on_stage: OnStage, on_wait: OnStage) -> dict[str, Any]:
    """Ask a child of its own for one engine."""
    child = Child("ocrspool.recognition.child", of_workers(os.environ, cache))
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
    """Give what passes stages on to `on_stage`; tell `on_wait`, from a thread, of one that takes long.

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
