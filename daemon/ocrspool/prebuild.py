"""Builds the engines that a configuration needs, in a process of its own, so that a native crash is a message here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ocrspool.child import Child, ChildDiedError
from ocrspool.config import Config
from ocrspool.errors import EngineError
from ocrspool.worker_messages import about_engine, engine_error

SILENCE_SECONDS = 3600.0
"""The longest that one stage of a build may take."""


def prebuild(config: Config, on_stage: Callable[[str], None], *, force: bool = False) -> list[dict[str, Any]]:
    """Build what is missing, or everything with `force`, for each device. Return the facts of each engine.

    `new` tells whether it was built. Raise EngineError when one cannot be.
    """
    return [_prebuild(config, device, on_stage, force=force) for device in dict.fromkeys(config.engine.devices)]


def _prebuild(config: Config, device: str, on_stage: Callable[[str], None], *, force: bool) -> dict[str, Any]:
    child = Child("ocrspool.worker", config.paths.cache)
    try:
        answer, _ = child.ask(about_engine("build", config, device, force=force), seconds=SILENCE_SECONDS)
        while "stage" in answer:
            on_stage(answer["stage"])
            answer, _ = child.receive(seconds=SILENCE_SECONDS)
    except ChildDiedError as error:
        raise EngineError(f"the build {error}", "the lines above may tell why; memory is the usual cause") from error
    finally:
        child.close()
    if reason := answer.get("error"):
        raise engine_error(reason)
    built: dict[str, Any] = answer["built"]
    return built
