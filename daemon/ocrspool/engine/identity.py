"""What an engine depends on beside its models, found without importing any runtime or touching a GPU's memory.

Facts are of two grades. A *hard* one makes a compiled engine wrong when it differs: another fingerprint, another
folder. A *soft* one (driver, serial number of an identical card) is recorded when the engine is built, and a
difference is told when it is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path

from ocrspool.engine.processor import native_bf16, processor
from ocrspool.engine.settings import Runtime, Settings
from ocrspool.errors import ConfigError

_CPUINFO = Path("/proc/cpuinfo")
_WIDEST = 3200
"""Pixels; PP-OCR was trained and exported with lines up to it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Name and value of each."""

    hard: dict[str, str]
    soft: dict[str, str] = field(default_factory=dict)


def resolved(runtime: Runtime, settings: Settings, cpuinfo: Path = _CPUINFO) -> Settings:
    """Return the settings with provider, precision, streams, threads and batch decided for this machine.

    Raise ConfigError where the runtime cannot do what they ask.
    """
    threads = settings.threads or len(os.sched_getaffinity(0))
    chosen = replace(settings, threads=threads, streams=min(settings.streams or threads, threads))
    return _RESOLVE[runtime](chosen, cpuinfo)


def facts(runtime: Runtime, settings: Settings, cpuinfo: Path = _CPUINFO) -> Facts:
    """Return what an engine made with these resolved settings depends on. Raise EngineError where a part is missing.

    Streams and threads are not among them: they are set when an engine is loaded, and its files are the same.
    """
    return _FACTS[runtime](settings, cpuinfo)


def _openvino_settings(settings: Settings, cpuinfo: Path) -> Settings:
    if settings.gpu is not None:
        raise ConfigError([f"engine: openvino runs on the cpu here, not on {settings.device!r}"])
    precision = settings.precision
    if precision == "auto":
        precision = "bf16" if native_bf16(processor(cpuinfo)[1]) else "f32"
    # On a CPU larger batches are no faster per line (measured), and need filling.
    return replace(settings, provider="cpu", precision=precision, batch=1, line_width=settings.line_width or _WIDEST)


def _openvino_facts(settings: Settings, cpuinfo: Path) -> Facts:
    name, flags = processor(cpuinfo)
    return Facts(
        {
            "runtime": "openvino",
            "runtime_version": metadata.version("openvino"),
            "device": settings.device,
            "cpu": name,
            "cpu_flags": " ".join(sorted(flags)),
            "precision": settings.precision,  # OpenVINO itself takes a blob made for another precision for a hit
        }
    )


_RESOLVE: dict[Runtime, Callable[[Settings, Path], Settings]] = {"openvino": _openvino_settings}
_FACTS: dict[Runtime, Callable[[Settings, Path], Facts]] = {"openvino": _openvino_facts}
