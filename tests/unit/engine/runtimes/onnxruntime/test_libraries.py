"""Which libraries are loaded before ONNX Runtime asks for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocrspool.engine.runtimes.installed_packages import Package
from ocrspool.engine.runtimes.onnxruntime.libraries import libraries, preload
from ocrspool.engine_request import Provider, Settings

NONE = "libcublas-not-here.so.99"
PACKAGE = Package(
    "onnxruntime-gpu",
    "1.31.1",
    Path("/site/onnxruntime"),
    cuda="13.0",
    cuda_libraries=("libcublas.so.13", "libcudnn.so.9"),
    nvinfer="libnvinfer.so.10",
)


@pytest.mark.parametrize(
    ("provider", "needed", "called"),
    [
        ("cuda", ["libcublas.so.13", "libcudnn.so.9"], ["libnvrtc.so.13"]),
        (
            "tensorrt",
            ["libcublas.so.13", "libcudnn.so.9", "libnvinfer.so.10", "libnvonnxparser.so.10"],
            ["libnvrtc.so.13", "libnvinfer_plugin.so.10"],
        ),
    ],
)
def test_each_provider_needs_its_own(provider: Provider, needed: list[str], called: list[str]) -> None:
    """In the order in which they can be loaded; the parser and the plug-ins are of TensorRT's own version."""
    assert libraries(PACKAGE, Settings("gpu:0", provider)) == (needed, called)


def test_a_package_without_tensorrt_asks_for_none_of_it() -> None:
    without = Package("onnxruntime-gpu", "1", Path("/site"), cuda_libraries=("libcublas.so.13",))
    assert libraries(without, Settings("gpu:0", "tensorrt")) == (["libcublas.so.13"], [])


def test_what_is_missing_is_named() -> None:
    package = Package("onnxruntime-gpu", "1", Path("/site"), cuda_libraries=(NONE,))
    assert preload(package, Settings("gpu:0", "cuda")) == [NONE]


def test_on_a_cpu_nothing_is_loaded() -> None:
    package = Package("onnxruntime", "1", Path("/site"), cuda_libraries=(NONE,))
    assert preload(package, Settings()) == []
