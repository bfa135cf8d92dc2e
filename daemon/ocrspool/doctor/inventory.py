"""What is installed on this machine, gathered once: versions from files and package metadata, GPUs from the driver."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ocrspool.config.schema import Config
from ocrspool.engine.runtimes.base import runtime_spec, runtime_specs
from ocrspool.engine.runtimes.installed_packages import Package, distributions
from ocrspool.engine_request import Runtime
from ocrspool.errors import NoGpuError
from ocrspool.machine import gpu, native_libraries
from ocrspool.machine.gpu import Gpu

_COMMON = (
    *("libnvinfer.so.10", "libnvinfer.so.8", "libcudnn.so.9", "libcudnn.so.8"),
    *("libcublas.so.13", "libcublas.so.12", "libcublas.so.11"),
)  # fmt: skip
"""Libraries that are shown even if no runtime asks for them yet: they say which build of a runtime would fit."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """Facts that several checks look at."""

    config: Config | None = None
    """None if it is not valid."""
    gpus: tuple[Gpu, ...] = ()
    no_gpu: NoGpuError | None = None
    """Why there are none, as far as the driver tells."""
    packages: dict[Runtime, Package] = field(default_factory=dict)
    noted: dict[str, str] = field(default_factory=dict)
    """Distribution → version, as pip recorded it, of packages that can conflict with each other."""
    libraries: dict[str, Path | None] = field(default_factory=dict)
    """Name of a library → the file that a runtime would get, None if there is none. Common libraries are there too."""

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
    """Gather the facts. This imports no runtime, and loads no library but that of the driver."""
    gpus: tuple[Gpu, ...] = ()
    no_gpu = None
    try:
        gpus = tuple(gpu.gpus())
    except NoGpuError as error:
        no_gpu = error
    specs = runtime_specs()
    packages = {spec.name: package for spec in specs if (package := spec.find_package()) is not None}
    noted = distributions(*(name for spec in specs for name in spec.distributions), "numpy")
    return Inventory(config, gpus, no_gpu, packages, noted, _libraries(packages))


def _libraries(packages: dict[Runtime, Package]) -> dict[str, Path | None]:
    found: dict[str, Path | None] = {}
    for runtime, package in packages.items():
        spec = runtime_spec(runtime)
        for name in (*package.cuda_libraries, *filter(None, [package.nvinfer]), *spec.system_libraries):
            found[name] = spec.find_library(name, package)
    for name in _COMMON:
        if name not in found and (path := native_libraries.find(name)) is not None:
            found[name] = path
    return found
