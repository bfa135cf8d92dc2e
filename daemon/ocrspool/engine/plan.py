"""What engine a configuration asks for: models, settings, identity and place in the cache, without loading anything.

Another runtime is: a module in runtimes/ with `build` and `load` as openvino.py has them, its facts in identity.py, and
a line in the table here.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from ocrspool.engine import identity
from ocrspool.engine.cache.store import EngineCache
from ocrspool.engine.cache.store import identity as whole_identity
from ocrspool.engine.models import model_set
from ocrspool.engine.models.model_set import Models
from ocrspool.engine.settings import Precision, Provider, Settings
from ocrspool.engine.settings import Runtime as RuntimeName
from ocrspool.engine.shapes import profiled
from ocrspool.errors import EngineError, NoGpuError

if TYPE_CHECKING:
    from ocrspool.engine.spec import Net, NetSpec

_log = logging.getLogger(__name__)

_MODULES: dict[RuntimeName, str] = {
    "openvino": "ocrspool.engine.runtimes.openvino",
    "onnxruntime": "ocrspool.engine.runtimes.onnxruntime.session",
    "paddle": "ocrspool.engine.runtimes.paddle",
}


class Runtime(Protocol):
    """What a runtime's module offers. Settings are resolved ones; `folder` exists, empty for a build."""

    def build(self, spec: NetSpec, folder: Path, settings: Settings) -> None:
        """Compile a model into the folder. Raise EngineError."""

    def load(self, spec: NetSpec, folder: Path, settings: Settings) -> Net:
        """Load what was compiled. Raise EngineMissingError rather than compile."""


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """What the configuration says of the engine, as the service passes it on."""

    runtime: RuntimeName
    device: str
    provider: Provider
    precision: Precision
    threads: int
    batch_lines: int
    line_width: int
    detection_side: int
    workspace_mb: int
    models: str
    on_no_gpu: str
    cache: str


@dataclass(frozen=True, slots=True)
class Plan:
    """One engine that is wanted, and where it is or belongs."""

    runtime: RuntimeName
    models: Models
    settings: Settings
    identity: dict[str, str]
    soft: dict[str, str]
    """Facts that are recorded, and told when they have changed."""
    cache: EngineCache

    @property
    def folder(self) -> Path:
        """Where it is or belongs."""
        return self.cache.folder(self.identity)

    @property
    def module(self) -> str:
        """The runtime's module."""
        return _MODULES[self.runtime]

    def load_runtime(self) -> Runtime:
        """Import the runtime's library: the slow part, and only in the process that needs it. Raise EngineError."""
        try:
            return cast("Runtime", import_module(self.module))
        except ImportError as error:
            raise EngineError(
                f"the {self.runtime} runtime cannot be loaded: {error}", "`ocrspool doctor` tells what is missing"
            ) from error


def plan(wanted: EngineRequest) -> Plan:
    """Return the engine that is wanted. Hashes the models: a tenth of a second.

    Raise ConfigError; NoGpuError where the GPU is not there, and no CPU may take its place; EngineError.
    """
    settings = Settings(
        wanted.device,
        wanted.provider,
        wanted.precision,
        wanted.threads,
        batch=wanted.batch_lines,
        side=wanted.detection_side,
        line_width=wanted.line_width,
        workspace_mb=wanted.workspace_mb,
    )
    try:
        return _planned(wanted, settings)
    except NoGpuError as error:
        if wanted.on_no_gpu != "cpu":
            raise
        _log.warning('%s; the CPU takes its place, because engine.on_no_gpu is "cpu"', error)
    return _planned(wanted, on_cpu(settings))


def on_cpu(settings: Settings) -> Settings:
    """Return the settings for the CPU in place of a GPU, with whatever suits it."""
    return replace(settings, device="cpu", provider="auto", precision="auto", batch=0, line_width=0)


def _planned(wanted: EngineRequest, settings: Settings) -> Plan:
    settings = identity.resolved(wanted.runtime, settings)
    facts = identity.facts(wanted.runtime, settings)
    chosen = profiled(model_set.find(wanted.models, Path(wanted.cache) / "models", wanted.runtime), settings)
    place = identity.bound_to_place(wanted.runtime, settings, [spec.files[0] for spec in chosen], Path(wanted.cache))
    items = whole_identity(chosen, facts.hard | place)
    return Plan(wanted.runtime, chosen, settings, items, facts.soft, EngineCache(Path(wanted.cache)))
