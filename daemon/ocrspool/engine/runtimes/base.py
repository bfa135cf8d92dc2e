"""What the program must know of a runtime without importing its library, and the table of all runtimes.

A runtime is a module or a package in this folder, of the runtime's name. It has a `SPEC`, and it is registered by its
name in `engine_request.Runtime`. Nothing else names it. `SPEC.module` is the module with `build` and `load`, which may
import the library at once; the module with the `SPEC` must not, because the service's commands load it.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast, get_args

from ocrspool.engine.runtimes import gpu_facts
from ocrspool.engine_request import Precision, Provider, Runtime, Settings
from ocrspool.errors import ConfigError, EngineError
from ocrspool.machine import installation, native_libraries
from ocrspool.machine.cpu import CPUINFO

if TYPE_CHECKING:
    from ocrspool.engine.runtimes.installed_packages import Package
    from ocrspool.engine.spec import Net, NetSpec
    from ocrspool.machine.gpu import Gpu

_WIDEST = 3200
"""Pixels; PP-OCR was trained and exported with lines up to it."""
_WIDEST_ON_GPU = 1600
"""Half of it: TensorRT builds faster and takes less memory, and few lines of a page are longer."""

ONNX = ("inference.onnx",)
PROGRAM = ("inference.pdmodel", "inference.pdiparams")
"""Paddle's model up to Paddle 2.6."""
PIR = ("inference.json", "inference.pdiparams")
"""Paddle's model since Paddle 3.0."""


class RuntimeModule(Protocol):
    """What a runtime's module offers. Settings are resolved ones; `folder` exists, and is empty for a build."""

    def build(self, spec: NetSpec, folder: Path, settings: Settings) -> None:
        """Compile a model into the folder. Raise EngineError."""

    def load(self, spec: NetSpec, folder: Path, settings: Settings) -> Net:
        """Load what was compiled. Raise EngineMissingError rather than compile."""

    def compile_ahead(self, spec: NetSpec, folder: Path, settings: Settings) -> None:
        """Compile without the GPU; only where `RuntimeSpec.compiles_ahead` says so. Raise EngineError."""


@dataclass(frozen=True, kw_only=True)
class RuntimeSpec(ABC):
    """One runtime. The methods hold for a runtime that computes by one of several providers; a subclass may differ."""

    name: Runtime
    module: str
    """The module with `build` and `load`."""
    package: str
    """What has to be installed, in words."""
    extra: str = ""
    """The extra of ours that brings the package; "" where every installation has it."""
    distributions: tuple[str, ...] = ()
    """Distributions that hold this runtime and can be in each other's way."""
    system_libraries: tuple[str, ...] = ()
    """Libraries that the runtime asks of the system on any machine, and that a minimal system does not have."""
    model_files: tuple[tuple[str, ...], ...] = (ONNX,)
    """The kinds of models that it reads, as the names of their files. Of several kinds the first one there counts."""
    precisions: Mapping[Provider, tuple[Precision, ...]]
    """What each provider computes in. The first is what auto means."""
    gpu_batch: int = 1
    """Text lines per call on a GPU."""
    joins_calls: tuple[Provider, ...] = ()
    """The providers whose nets make one call of those that wait (gathered.py)."""
    columns: int = 0
    """Of all lines in a call, pixels at most; 0: lines of any width share a call (see ReadSettings)."""
    cpu_runtime: Runtime | None = None
    """The runtime that takes its place on a CPU; None where it has a part of its own for that."""
    edits: int = 1
    """Counts how this program has changed models before they are compiled: by other edits, it is another engine."""
    kernel_variables: str = ""
    """The beginning of the names of environment variables that change which kernels run; "" where there are none."""

    @property
    def gpu_extra(self) -> str:
        """The extra of ours that brings the package for GPUs."""
        return f"{self.extra}-gpu"

    @property
    def reads_onnx(self) -> bool:
        """Whether the bundled models, which are ONNX files, can be used."""
        return ONNX in self.model_files

    @abstractmethod
    def find_package(self, _provider: Provider = "auto") -> Package | None:
        """Return the installed package, read from its files without importing it. None where there is none."""

    def installed(self, provider: Provider = "auto") -> Package:
        """Return the installed package. Raise EngineError where there is none, saying how to get it."""
        if (found := self.find_package(provider)) is not None:
            return found
        here = installation.find()
        raise EngineError(
            f'engine.runtime = "{self.name}" needs the package {self.package}, which is not installed here',
            here.add(self.extra) if self.extra else here.repair(),
        )

    def resolve(self, settings: Settings, cpuinfo: Path = CPUINFO) -> Settings:
        """Return the settings with provider, precision, streams, threads and batch decided for this machine.

        Raise ConfigError where the runtime cannot do what they ask.
        """
        threads = settings.threads or len(os.sched_getaffinity(0))
        on_gpu = settings.gpu is not None
        provider = self._provider(settings)
        return replace(
            settings,
            provider=provider,
            precision=self._precision(provider, settings, cpuinfo),
            threads=threads,
            streams=min(settings.streams or threads, threads),
            batch_lines=settings.batch_lines or (self.gpu_batch if on_gpu else 1),
            line_width=settings.line_width or (_WIDEST_ON_GPU if on_gpu else _WIDEST),
        )

    def auto_provider(self) -> Provider:
        """Return what computes on a GPU where the configuration leaves that open."""
        return "tensorrt"

    def auto_precision(self, provider: Provider, _cpuinfo: Path) -> Precision:
        """Return what a provider computes in where the configuration leaves that open."""
        return self.precisions[provider][0]

    def gpu_facts(self, device: Gpu, package: Package, settings: Settings) -> dict[str, str]:
        """Return the facts of a GPU, and of what computes there, that make an engine useless elsewhere.

        Raise EngineError where the package cannot compute on a GPU.
        """
        return gpu_facts.hard(device, package, settings, self.gpu_extra, self.find_library(package.nvinfer, package))

    def begin(self, _settings: Settings) -> None:  # noqa: B027 - most have nothing to begin with
        """Begin with what the loading of an engine waits for, while it is planned. Raises nothing."""

    def edits_for(self, _settings: Settings) -> int:
        """Return the count of `edits` for an engine of these resolved settings."""
        return self.edits

    def find_library(self, name: str, package: Package) -> Path | None:
        """Return the file that the runtime gets when it asks for a library. None where there is none."""
        return native_libraries.find(name, package.asks) if name else None

    def compiles_ahead(self, _settings: Settings) -> bool:
        """Tell whether an engine of these resolved settings can be compiled without the GPU that it is for."""
        return False

    def ahead_facts(self, _package: Package, _settings: Settings) -> dict[str, str]:
        """Return what takes the place of `gpu_facts` in an engine that is compiled without its GPU."""
        return {}

    def is_bound_to_place(self, _settings: Settings, _models: Iterable[Path]) -> bool:
        """Tell whether an engine of these models works only where it was built, because it holds its own path."""
        return False

    def _provider(self, settings: Settings) -> Provider:
        """Return what computes. On a CPU the setting has no say: it is about a GPU, whose place the CPU may have."""
        if settings.gpu is None:
            provider: Provider = "cpu"
        else:
            provider = self.auto_provider() if settings.provider == "auto" else settings.provider
        if provider in self.precisions:
            return provider
        others = [f'"{other}"' for other in self.precisions if other != "cpu"]
        if settings.gpu is None:
            raise ConfigError(
                [f'engine.runtime: "{self.name}" does not run on the CPU'],
                'name a GPU in engine.devices, or set engine.runtime = "openvino"',
            )
        if not others:
            raise ConfigError([f"engine: {self.name} runs on the cpu here, not on {settings.device!r}"])
        raise ConfigError(
            [f'engine.provider: "{self.name}" does not compute by "{provider}"'],
            f"set engine.provider to {' or '.join(others)}",
        )

    def _precision(self, provider: Provider, settings: Settings, cpuinfo: Path) -> Precision:
        if settings.precision == "auto":
            return self.auto_precision(provider, cpuinfo)
        possible = self.precisions[provider]
        if settings.precision in possible:
            return settings.precision
        where = f"{self.name} on {settings.device}" + ("" if provider == "cpu" else f" by {provider}")
        raise ConfigError(
            [f'engine.precision: "{settings.precision}" cannot be had of {where}: it computes {" or ".join(possible)}'],
            f'set engine.precision = "auto" (here {possible[0]})',
        )


@cache
def runtime_spec(name: Runtime) -> RuntimeSpec:
    """Return what is known of a runtime."""
    spec: RuntimeSpec = import_module(f"ocrspool.engine.runtimes.{name}").SPEC
    return spec


def runtime_specs() -> tuple[RuntimeSpec, ...]:
    """Return what is known of every runtime, in the order in which they are registered."""
    return tuple(runtime_spec(name) for name in get_args(Runtime))


def load_module(spec: RuntimeSpec) -> RuntimeModule:
    """Import the runtime with its library: the slow part, for the process that needs it only. Raise EngineError."""
    try:
        return cast("RuntimeModule", import_module(spec.module))
    except ImportError as error:
        raise EngineError(
            f"the {spec.name} runtime cannot be loaded: {error}", "`ocrspool doctor` tells what is missing"
        ) from error
