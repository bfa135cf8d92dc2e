"""What an engine depends on beside its models, found without importing a runtime or touching a GPU's memory.

There are two grades of facts. A *hard* fact makes a compiled engine wrong when it differs: another fingerprint, another
folder. A *soft* fact (driver, serial number of an identical card) is recorded when the engine is built, and a
difference is reported when it is loaded.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ocrspool.engine.runtimes import gpu_facts
from ocrspool.engine.runtimes.base import runtime_spec
from ocrspool.engine_request import Runtime, Settings
from ocrspool.machine import gpu
from ocrspool.machine.cpu import CPUINFO, processor

_TF32 = "NVIDIA_TF32_OVERRIDE"
_NO_KERNEL = re.compile(r"dump|log(level|to|_|$)|cache_enable|(^|_)(dir|path|file|prefix|v)$", re.IGNORECASE)
"""The rest of the name of a variable that is about places, logs or the cache, and changes no kernel."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Name and value of each."""

    hard: dict[str, str]
    soft: dict[str, str] = field(default_factory=dict)


def resolved(runtime: Runtime, settings: Settings, cpuinfo: Path = CPUINFO) -> Settings:
    """Return the settings with provider, precision, streams, threads and batch decided for this machine.

    Raise ConfigError where the runtime cannot do what they ask.
    """
    return runtime_spec(runtime).resolve(settings, cpuinfo)


def facts(runtime: Runtime, settings: Settings, cpuinfo: Path = CPUINFO, *, ahead: bool = False) -> Facts:
    """Return what an engine made with these resolved settings depends on.

    Streams and threads are not among the facts. They are set when an engine is loaded, and its files are the same.
    `ahead` is for an engine that is compiled without its GPU: it is the same for every GPU that can run it.
    Raise NoGpuError where the GPU is not there, EngineError where a package or a library is missing.
    """
    spec = runtime_spec(runtime)
    device = gpu.gpu(settings.gpu) if settings.gpu is not None and not ahead else None
    package = spec.installed(settings.provider)
    hard = {"runtime": runtime, "runtime_version": package.version}
    soft = {"python": platform.python_version()}
    if package.commit:
        hard["runtime_commit"] = package.commit
    if (edits := spec.edits_for(settings)) > 1:
        hard["edits"] = str(edits)
    hard["device"] = settings.device.partition(":")[0]  # of several alike, it is no matter which
    if len(spec.precisions) > 1:
        hard["provider"] = settings.provider
    hard["precision"] = settings.precision  # no runtime notices by itself that an engine is of another one
    if environment := _environment(spec.kernel_variables, settings):
        hard["environment"] = environment
    if ahead:
        hard |= spec.ahead_facts(package, settings)
    elif device is None:
        name, flags = processor(cpuinfo)
        hard |= {"cpu": name, "cpu_flags": " ".join(sorted(flags))}
    else:
        hard |= spec.gpu_facts(device, package, settings)
        soft |= gpu_facts.soft(device, package)
    return Facts(hard, soft)


def bound_to_place(runtime: Runtime, settings: Settings, models: Iterable[Path], cache: Path) -> dict[str, str]:
    """Return the cache's absolute path as a hard fact where an engine works only there, {} where it can be moved."""
    bound = runtime_spec(runtime).is_bound_to_place(settings, models)
    return {"path": os.path.realpath(cache)} if bound else {}


def _environment(prefix: str, settings: Settings) -> str:
    """Return the variables in effect that change which kernels run, as NAME=value, sorted.

    Variables of another runtime change nothing here, and are no reason for a rebuild.
    """
    found = {
        name: value
        for name, value in os.environ.items()
        if (name == _TF32 and settings.gpu is not None)
        or (prefix and name.startswith(prefix) and not _NO_KERNEL.search(name.removeprefix(prefix)))
    }
    return " ".join(f"{name}={found[name]}" for name in sorted(found))
