"""What is installed on this machine, gathered once: versions from files and package metadata, GPUs from the driver."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ocrspool.config.schema import Config
from ocrspool.engine.runtimes import installed_packages
from ocrspool.engine.runtimes.installed_packages import Package
from ocrspool.engine.settings import Runtime
from ocrspool.errors import NoGpuError
from ocrspool.machine import gpu, native_libraries
from ocrspool.machine.gpu import Gpu

RUNTIMES: tuple[Runtime, ...] = ("openvino", "onnxruntime", "paddle")

_NOTED = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "paddlepaddle", "paddlepaddle-gpu", "numpy")

OPENMP = "libgomp.so.1"
"""What Paddle asks for on any machine, and a minimal system has not."""
_COMMON = (
    *("libnvinfer.so.10", "libnvinfer.so.8", "libcudnn.so.9", "libcudnn.so.8"),
    *("libcublas.so.13", "libcublas.so.12", "libcublas.so.11"),
)  # fmt: skip
"""Told where they are, even if no runtime asks for them yet: they say which build of one would fit."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """Facts that several checks look at."""

    config: Config | None = None
    """None where it is not valid."""
    gpus: tuple[Gpu, ...] = ()
    no_gpu: NoGpuError | None = None
    """Why there are none, as far as the driver, or its absence, tells."""
    packages: dict[Runtime, Package] = field(default_factory=dict)
    noted: dict[str, str] = field(default_factory=dict)
    """Distribution → version, of those that can be in each other's way, as pip has noted them."""
    libraries: dict[str, Path | None] = field(default_factory=dict)
    """Name that a runtime asks for → the file it would get, None where there is none; and common ones."""

    @property
    def wants_gpu(self) -> bool:
        """Whether the configuration names one."""
        return self.config is not None and any(device != "cpu" for device in self.config.engine.devices)

    def uses(self, runtime: Runtime, provider: str = "") -> bool:
        """Whether the configuration uses the runtime; with a provider (cpu, tensorrt, cuda), whether it uses that."""
        if self.config is None or self.config.engine.runtime != runtime:
            return False
        engine = self.config.engine
        on_gpu = "tensorrt" if engine.provider == "auto" else engine.provider
        used = {"cpu" if device == "cpu" else on_gpu for device in engine.devices}
        if engine.on_no_gpu == "cpu" and not self.gpus:
            used.add("cpu")
        return not provider or provider in used


def look(config: Config | None) -> Inventory:
    """Gather. Imports no runtime and loads no library, except the driver's own for asking it."""
    gpus: tuple[Gpu, ...] = ()
    no_gpu = None
    try:
        gpus = tuple(gpu.gpus())
    except NoGpuError as error:
        no_gpu = error
    packages = {runtime: package for runtime in RUNTIMES if (package := installed_packages.look(runtime)) is not None}
    return Inventory(config, gpus, no_gpu, packages, installed_packages.distributions(*_NOTED), _libraries(packages))


def _libraries(packages: dict[Runtime, Package]) -> dict[str, Path | None]:
    found: dict[str, Path | None] = {}
    for package in packages.values():
        for name in (*package.cuda_libraries, *filter(None, [package.nvinfer])):
            found[name] = native_libraries.find(name, package.asks)
    if "paddle" in packages:
        found[OPENMP] = native_libraries.find(OPENMP)
    for name in _COMMON:
        if name not in found and (path := native_libraries.find(name)) is not None:
            found[name] = path
    # Paddle looks into a folder of its own first.
    own = Path(os.environ.get("FLAGS_tensorrt_dir", "/nonexistent"), "libnvinfer.so")  # noqa: SIM112 - its name
    if "libnvinfer.so" in found and own.is_file():
        found["libnvinfer.so"] = own
    return found
