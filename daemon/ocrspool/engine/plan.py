"""What engine a configuration asks for: models, settings, identity and place in the cache, without loading anything.

The one place that knows which runtimes there are. Another runtime is: a module with `build` and `load` as
openvino.py has them, its facts, and a line in each table here.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from ocrspool.engine import identity, models
from ocrspool.engine.cache import EngineCache
from ocrspool.engine.cache import identity as whole_identity
from ocrspool.engine.identity import CpuSettings, Precision
from ocrspool.engine.models import Models
from ocrspool.errors import ConfigError

if TYPE_CHECKING:
    from ocrspool.engine.net import Net, NetSpec

_MODULES = {"openvino": "ocrspool.engine.openvino"}


class Runtime(Protocol):
    """What a runtime's module offers."""

    def build(self, spec: NetSpec, folder: Path, settings: CpuSettings) -> None:
        """Compile a model into the folder."""

    def load(self, spec: NetSpec, folder: Path, settings: CpuSettings) -> Net:
        """Load what was compiled. Raise EngineMissingError rather than compile."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the configuration says of the engine, as the service passes it on."""

    runtime: str
    device: str
    precision: Precision
    threads: int
    cache: str


@dataclass(frozen=True, slots=True)
class Plan:
    """One engine that is wanted, and where it is or belongs."""

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


def plan(wanted: Wanted) -> Plan:
    """Return the engine that is wanted. Raise ConfigError or EngineError. Hashes the models: a tenth of a second."""
    if wanted.device != "cpu":
        raise ConfigError([f"engine.device: openvino runs on the cpu here, not on {wanted.device!r}"])
    settings = CpuSettings("cpu", wanted.precision, threads=wanted.threads)
    chosen = models.bundled()
    items = whole_identity(chosen, identity.facts(settings))
    return Plan(wanted.runtime, chosen, settings, items, EngineCache(Path(wanted.cache)))
