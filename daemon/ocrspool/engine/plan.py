"""What engine a configuration asks for: models, settings, identity and place in the cache, without loading anything.

The one place that knows which runtimes there are. Another runtime is: a module with `build` and `load` as
openvino.py has them, its facts, and a line in each table here.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from ocrspool.engine import identity, models
from ocrspool.engine.cache import EngineCache
from ocrspool.engine.cache import identity as whole_identity
from ocrspool.engine.identity import CpuSettings
from ocrspool.engine.models import Models
from ocrspool.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from ocrspool.config import Config
    from ocrspool.engine.net import Net, NetSpec

_MODULES = {"openvino": "ocrspool.engine.openvino"}


class Runtime(Protocol):
    """What a runtime's module offers."""

    def build(self, spec: NetSpec, folder: Path, settings: CpuSettings) -> None:
        """Compile a model into the folder."""

    def load(self, spec: NetSpec, folder: Path, settings: CpuSettings) -> Net:
        """Load what was compiled. Raise EngineMissingError rather than compile."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One engine, wanted."""

    runtime: str
    models: Models
    settings: CpuSettings
    identity: dict[str, str]
    cache: EngineCache

    @property
    def folder(self) -> Path:
        """Where it is or belongs."""
        return self.cache.folder(self.identity)

    def load_runtime(self) -> Runtime:
        """Import the runtime's library: the slow part, and only in the process that needs it."""
        return cast("Runtime", import_module(_MODULES[self.runtime]))


def plan(config: Config) -> Plan:
    """Return the engine that the configuration asks for. Raise ConfigError or EngineError."""
    engine = config.engine
    if engine.device != "cpu":
        raise ConfigError([f"engine.device: openvino runs on the cpu here, not on {engine.device!r}"])
    settings = CpuSettings("cpu", engine.precision, threads=_threads(config))
    chosen = models.bundled()
    items = whole_identity(chosen, identity.facts(settings))
    return Plan(engine.runtime, chosen, settings, items, EngineCache(config.paths.cache))


def _threads(config: Config) -> int:
    """Share the processors among the workers."""
    available = identity.resolved(CpuSettings()).threads
    return config.engine.threads or max(1, available // config.service.workers)
