"""What engine a request means on this machine: models, settings, identity and place in the cache. Nothing is loaded."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

from ocrspool.engine import identity
from ocrspool.engine.cache.store import EngineCache
from ocrspool.engine.cache.store import identity as whole_identity
from ocrspool.engine.models import finder_choice, model_set, reader_choice
from ocrspool.engine.models.model_set import Models
from ocrspool.engine.runtimes.base import RuntimeModule, load_module, runtime_spec
from ocrspool.engine.shapes import profiled
from ocrspool.engine_request import EngineRequest, Runtime, Settings
from ocrspool.errors import NoGpuError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """One engine that is wanted, and where it is or belongs."""

    runtime: Runtime
    models: Models
    settings: Settings
    identity: dict[str, str]
    soft: dict[str, str]
    """Facts that are recorded, and told when they have changed."""
    cache: EngineCache
    readers_at_first_use: bool = False
    """Whether the nets of further readers are loaded when the first line needs them."""
    ahead: dict[str, str] = field(default_factory=dict)
    """Identity of what can be compiled without the GPU; {} where nothing can. The engine's own where no GPU is."""

    @property
    def only_ahead(self) -> bool:
        """Whether there is no GPU, so that the engine can be compiled, but neither run nor proven."""
        return bool(self.ahead) and self.ahead == self.identity

    @property
    def folder(self) -> Path:
        """Where it is or belongs."""
        return self.cache.folder(self.identity)

    @property
    def module(self) -> str:
        """The runtime's module."""
        return runtime_spec(self.runtime).module

    def load_runtime(self) -> RuntimeModule:
        """Import the runtime with its library: the slow part, for the process that needs it only. Raise EngineError."""
        return load_module(runtime_spec(self.runtime))


def plan(request: EngineRequest, *, ahead: bool = False) -> Plan:
    """Return the engine that is wanted. Hashes the models: a tenth of a second.

    With `ahead` and without the GPU, it is what can be compiled without it, if the runtime can do that.
    Raise ConfigError; NoGpuError where the GPU is not there, and no CPU may take its place; EngineError.
    """
    try:
        return _planned(request, request.settings)
    except NoGpuError as error:
        if request.on_no_gpu != "cpu":
            spec = runtime_spec(request.runtime)
            if ahead and spec.compiles_ahead(spec.resolve(request.settings)):
                return _planned(request, request.settings, ahead=True)
            raise
        _log.warning('%s; the CPU takes its place, because engine.on_no_gpu is "cpu"', error)
    return _planned(replace(request, runtime=cpu_runtime(request.runtime)), on_cpu(request.settings))


def cpu_runtime(runtime: Runtime) -> Runtime:
    """Return what computes on a CPU in the place of a runtime: mostly itself."""
    return runtime_spec(runtime).cpu_runtime or runtime


def on_cpu(settings: Settings) -> Settings:
    """Return the settings for the CPU in place of a GPU. What depends on the device is left to the machine."""
    return replace(settings, device="cpu", provider="auto", precision="auto", batch_lines=0, line_width=0)


def installed_version(runtime: Runtime) -> str:
    """Return the version of a runtime's package. Raise EngineError where it is not installed."""
    return runtime_spec(runtime).installed().version


def _planned(request: EngineRequest, settings: Settings, *, ahead: bool = False) -> Plan:
    settings = identity.resolved(request.runtime, settings)
    facts = identity.facts(request.runtime, settings, ahead=ahead)
    cache = Path(request.cache)
    models = model_set.find(request.models, cache / "models", request.runtime)
    readers = reader_choice.find_all(request.readers, cache / "models", request.runtime)
    finders = finder_choice.find_all(request.finders, cache / "models", request.runtime)
    chosen = profiled(replace(models, readers=readers, finders=finders), settings)
    place = identity.bound_to_place(request.runtime, settings, [spec.files[0] for spec in chosen], cache)
    items = whole_identity(chosen, facts.hard | place)
    early = {}
    if runtime_spec(request.runtime).compiles_ahead(settings):
        early = whole_identity(chosen, identity.facts(request.runtime, settings, ahead=True).hard | place)
    later = request.readers_at == "first use"
    return Plan(request.runtime, chosen, settings, items, facts.soft, EngineCache(cache), later, early)
