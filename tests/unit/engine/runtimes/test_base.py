"""The table of runtimes, and how a runtime resolves settings where it computes by several providers or by one."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import get_args

import pytest

from ocrspool.engine.runtimes.base import RuntimeSpec, load_module, runtime_spec, runtime_specs
from ocrspool.engine.runtimes.installed_packages import Package
from ocrspool.engine_request import Provider, Runtime, Settings
from ocrspool.errors import ConfigError, EngineError


@dataclass(frozen=True, kw_only=True)
class NotInstalled(RuntimeSpec):
    """A runtime whose package is nowhere."""

    def find_package(self, _provider: Provider = "auto") -> Package | None:
        return None


ON_GPU = NotInstalled(
    name="onnxruntime",
    module="ocrspool.no_such_module",
    package="the one package",
    extra="onnx",
    precisions={"tensorrt": ("f16", "f32"), "cuda": ("f32",)},
    gpu_batch=32,
)


def test_every_registered_runtime_has_a_spec_of_its_name() -> None:
    assert tuple(spec.name for spec in runtime_specs()) == get_args(Runtime)
    for spec in runtime_specs():
        assert runtime_spec(spec.name) is spec
        assert util.find_spec(spec.module), "the module with build and load is there"
        assert all(spec.precisions.values())


def test_settings_are_resolved_once() -> None:
    """What has been resolved is resolved to itself, on every device that the runtime knows."""
    for spec in runtime_specs():
        for device, provider in (("cpu", "cpu"), ("gpu:0", "tensorrt")):
            if provider in spec.precisions:
                found = spec.resolve(Settings(device))
                assert spec.resolve(found) == found
                assert found.provider == provider
                assert min(found.threads, found.streams, found.batch_lines, found.line_width) > 0
                assert found.precision in spec.precisions[found.provider]


def test_a_runtime_without_a_part_for_the_cpu_says_so() -> None:
    with pytest.raises(ConfigError, match='"onnxruntime" does not run on the CPU') as caught:
        ON_GPU.resolve(Settings())
    assert "engine.devices" in caught.value.hint


def test_a_provider_that_the_runtime_lacks_is_refused_with_those_that_it_has() -> None:
    paddle_like = NotInstalled(name="paddle", module="", package="", precisions={"cpu": ("f32",), "cuda": ("f32",)})
    with pytest.raises(ConfigError, match='does not compute by "tensorrt"') as caught:
        paddle_like.resolve(Settings("gpu:0"))
    assert caught.value.hint == 'set engine.provider to "cuda"'


def test_a_missing_package_is_named_with_the_way_to_get_it() -> None:
    with pytest.raises(EngineError, match="needs the package the one package") as caught:
        ON_GPU.installed()
    assert "onnx" in caught.value.hint


def test_a_module_that_cannot_be_imported_is_an_error_of_the_engine() -> None:
    with pytest.raises(EngineError, match="the onnxruntime runtime cannot be loaded: No module named") as caught:
        load_module(ON_GPU)
    assert "ocrspool doctor" in caught.value.hint


def test_paddle_looks_for_tensorrt_in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, package = runtime_spec("paddle"), Package("paddlepaddle-gpu", "2.6.2", tmp_path, nvinfer="libnvinfer.so")
    monkeypatch.setenv("FLAGS_tensorrt_dir", str(tmp_path))
    assert spec.find_library("libnvinfer.so", package) != tmp_path / "libnvinfer.so", "it is not there"
    (tmp_path / "libnvinfer.so").touch()
    assert spec.find_library("libnvinfer.so", package) == tmp_path / "libnvinfer.so"
