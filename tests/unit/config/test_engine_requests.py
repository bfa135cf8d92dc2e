"""What the configuration asks of an engine arrives unchanged at the plan, under the same names."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from pathlib import Path

from ocrspool.config.engine_requests import devices, engine_request
from ocrspool.config.schema import Config, Inbox
from ocrspool.config.sections import Engine, Paths, Service
from ocrspool.engine_request import EngineRequest, Settings

OWN = Engine(
    runtime="paddle",
    models="PP-OCRv5_mobile",
    devices=("gpu:0", "gpu:1"),
    on_no_gpu="cpu",
    provider="cuda",
    precision="f32",
    threads=3,
    batch_lines=7,
    line_width=960,
    detection_side=1024,
    workspace_mb=256,
)


def configured(engine: Engine, **service: int) -> Config:
    return Config(
        engine=engine,
        paths=Paths(cache=Path("/cache")),
        service=Service(**service),
        inbox={"default": Inbox(root=Path("/spool"))},
    )


def test_every_setting_arrives_under_its_own_name() -> None:
    """A setting that the configuration gets, and that an engine needs, cannot be forgotten on the way."""
    request = engine_request(configured(OWN), "gpu:1")
    assert (request.runtime, request.models, request.cache, request.on_no_gpu) == (
        *("paddle", "PP-OCRv5_mobile", "/cache", "cpu"),
    )
    assert request.settings.device == "gpu:1"
    from_the_configuration = {field.name for field in fields(Settings)} - {"device", "streams"}
    assert from_the_configuration <= Engine.model_fields.keys()
    for name in from_the_configuration:
        assert getattr(request.settings, name) == getattr(OWN, name) != getattr(Settings(), name), name


def test_a_request_survives_the_way_to_the_worker() -> None:
    request = engine_request(configured(OWN), "gpu:0")
    assert EngineRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


def test_the_cpu_in_a_gpus_place_gets_settings_that_suit_it() -> None:
    """What was chosen for the GPU stays with the GPU; what holds for pages stays."""
    settings = engine_request(configured(OWN), "cpu").settings
    assert (settings.device, settings.precision, settings.batch_lines, settings.line_width) == ("cpu", "auto", 0, 0)
    assert (settings.threads, settings.detection_side) == (3, 1024)


def test_a_cpu_that_was_configured_keeps_its_settings() -> None:
    own = Engine(precision="f32", batch_lines=2, line_width=960)
    settings = engine_request(configured(own), "cpu").settings
    assert (settings.precision, settings.batch_lines, settings.line_width) == ("f32", 2, 960)


def test_workers_share_the_processors() -> None:
    """Each gets its part, and none less than one."""
    usable = len(os.sched_getaffinity(0))
    for workers in (1, 2, 64):
        settings = engine_request(configured(Engine(), workers=workers), "cpu").settings
        assert settings.threads == max(1, usable // workers)


def test_each_device_needs_an_engine_once() -> None:
    assert devices(configured(OWN)) == ["gpu:0", "gpu:1", "cpu"]
    assert devices(configured(Engine(devices=("cpu", "cpu")))) == ["cpu"]
    assert devices(configured(Engine(devices=("gpu:0",)))) == ["gpu:0"]
