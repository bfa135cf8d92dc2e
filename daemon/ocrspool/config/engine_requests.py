"""Which engines the configuration asks for: one request for each device."""

from __future__ import annotations

import os
from dataclasses import fields

from ocrspool.config.schema import Config
from ocrspool.config.sections import Engine
from ocrspool.engine_request import EngineRequest, Settings

_FOR_THE_DEVICE = {"precision": "auto", "batch_lines": 0, "line_width": 0}
"""Settings that are chosen for a GPU do not suit the CPU that takes its place."""
_SETTINGS = {field.name for field in fields(Settings)} & Engine.model_fields.keys()
"""The settings that the configuration has under the same name: all but the device and the streams."""


def devices(config: Config) -> list[str]:
    """Return the devices that need an engine, each once. The CPU is among them where it may take a GPU's place."""
    engine = config.engine
    return list(dict.fromkeys([*engine.devices, *(["cpu"] if engine.devices and engine.on_no_gpu == "cpu" else [])]))


def engine_request(config: Config, device: str) -> EngineRequest:
    """Return what the configuration wants on this device. The workers share the processors that it may use."""
    engine = config.engine
    settings = engine.model_dump(include=_SETTINGS)
    if device not in engine.devices:  # the CPU in the place of a GPU
        settings |= _FOR_THE_DEVICE
    share = max(1, len(os.sched_getaffinity(0)) // (config.service.workers * max(1, len(engine.devices))))
    settings["threads"] = engine.threads or share
    return EngineRequest(
        runtime=engine.runtime,
        models=engine.models,
        cache=os.fspath(config.paths.cache),
        on_no_gpu=engine.on_no_gpu,
        readers=tuple(sorted(engine.readers.items())),
        finders=tuple(sorted(engine.finders.items())),
        readers_at=engine.load_readers,
        settings=Settings(device=device, **settings),
    )
