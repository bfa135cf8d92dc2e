"""Loads libraries of CUDA and TensorRT that only a wheel has, before ONNX Runtime asks for them. Imports no runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocrspool.machine import native_libraries

if TYPE_CHECKING:
    from ocrspool.engine.runtimes.installed_packages import Package
    from ocrspool.engine_request import Settings


def preload(package: Package, settings: Settings) -> list[str]:
    """Load what the provider needs. Return the names of what it needs and is missing.

    They are loaded in the order in which the loader looks, so that they are the ones which the fingerprint and `doctor`
    tell of. `onnxruntime.preload_dlls` prefers wheels to LD_LIBRARY_PATH, prints, and knows no TensorRT.
    """
    if settings.gpu is None:
        return []
    needed, called = libraries(package, settings)
    missing = native_libraries.preload(needed, package.asks)
    native_libraries.preload(called, package.asks)
    return missing


def libraries(package: Package, settings: Settings) -> tuple[list[str], list[str]]:
    """Return the libraries that the provider needs, and those that these open later, where they are there."""
    needed, called = [*package.cuda_libraries], []
    if major := package.cuda.partition(".")[0]:
        called.append(f"libnvrtc.so.{major}")  # by cuDNN, once it has a kernel to compile
    if settings.provider == "tensorrt" and package.nvinfer:
        rest = package.nvinfer.removeprefix("libnvinfer")
        needed += [package.nvinfer, f"libnvonnxparser{rest}"]
        called.append(f"libnvinfer_plugin{rest}")
    return needed, called
