"""What a compiled OpenVINO engine depends on, found without importing OpenVINO.

The service compares these facts with a cached engine's manifest before any worker starts, so this module reads
package metadata and /proc/cpuinfo only.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Literal

Precision = Literal["auto", "f32", "bf16"]

# Instruction sets for which OpenVINO's CPU plugin (oneDNN) generates different code.
_RELEVANT_FLAGS = frozenset(
    {
        "amx_bf16", "amx_fp16", "amx_int8", "amx_tile", "avx", "avx2", "avx512_bf16", "avx512_fp16", "avx512_vnni",
        "avx512bw", "avx512dq", "avx512f", "avx512vl", "avx_vnni", "f16c", "fma", "sse4_1", "sse4_2",
        "asimd", "asimddp", "asimdhp", "bf16", "i8mm", "sve", "sve2",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CpuSettings:
    """How to compile for the CPU; `resolved` replaces what is left to the machine by real values."""

    device: Literal["cpu"] = "cpu"
    precision: Precision = "auto"
    streams: int = 0
    """Calls that run side by side; 0 = one per thread, which wastes least (no waiting inside a call)."""
    threads: int = 0
    """Threads of all streams together; 0 = every core this process may use."""


def resolved(settings: CpuSettings, cpuinfo: Path = Path("/proc/cpuinfo")) -> CpuSettings:
    """Return the settings with precision, streams and threads decided for this machine."""
    threads = settings.threads or len(os.sched_getaffinity(0))
    precision = settings.precision
    if precision == "auto":
        precision = "bf16" if _native_bf16(_processor(cpuinfo)[1]) else "f32"
    return replace(settings, precision=precision, threads=threads, streams=min(settings.streams or threads, threads))


def facts(settings: CpuSettings, cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """Return name and value of everything that makes an engine compiled elsewhere or otherwise a wrong one.

    Streams and threads are not among them: they are set when an engine is loaded, and its blob is the same.
    """
    model, flags = _processor(cpuinfo)
    chosen = resolved(settings, cpuinfo)
    return {
        "runtime": "openvino",
        "runtime_version": metadata.version("openvino"),
        "device": chosen.device,
        "cpu": model,
        "cpu_flags": " ".join(sorted(flags & _RELEVANT_FLAGS)),
        "precision": chosen.precision,  # OpenVINO itself takes a blob made for another precision for a hit
    }


def _native_bf16(flags: frozenset[str]) -> bool:
    """Whether the CPU multiplies bfloat16 itself.

    Measured on AVX512_BF16 without AMX (EPYC 9004): 1.7 to 1.9 times as fast as f32, same accuracy.
    """
    return bool(flags & {"amx_bf16", "avx512_bf16"})


def _processor(cpuinfo: Path) -> tuple[str, frozenset[str]]:
    """Return model name and flags of the first processor listed."""
    fields: dict[str, str] = {}
    for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields.setdefault(key.strip(), value.strip())
    name = fields.get("model name") or f"{fields.get('CPU implementer', '?')}/{fields.get('CPU part', '?')}"
    return name, frozenset((fields.get("flags") or fields.get("Features") or "").split())
