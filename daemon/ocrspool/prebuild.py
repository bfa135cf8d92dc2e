"""Builds the engines that a configuration needs, in a process of its own, so that a native crash is a message here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ocrspool.answers import engine_error
from ocrspool.child import Child, ChildDiedError
from ocrspool.config import Config
from ocrspool.errors import EngineError

SILENCE_SECONDS = 3600.0
"""The longest that one stage of a build may take."""


def prebuild(config: Config, on_stage: Callable[[str], None], *, force: bool = False) -> dict[str, Any]:
    """Build what is missing, or everything with `force`. Return the engine's facts; `new` tells whether it was built.

    Raise EngineError when it cannot be built.
    """
    child = Child("ocrspool.worker", config.paths.cache)
    try:
        answer, _ = child.ask(
            {"op": "build", "config": config.model_dump(mode="json"), "force": force},
            seconds=SILENCE_SECONDS,
        )
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
