"""Whether there is enough disk and memory for a build, asked before it begins and not found out after fifteen minutes.

A build is refused only if it clearly cannot work. Half an engine does no harm, but the time is lost.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ocrspool.errors import EngineError
from ocrspool.machine import gpu, memory

if TYPE_CHECKING:
    from ocrspool.engine.plan import Plan
    from ocrspool.engine.spec import NetSpec

_MIB = 1 << 20

_DISK_TIMES = 3
"""Size of an engine to that of its model files: OpenVINO's is 2.1 times (edited model and blob, measured)."""
_DISK_MARGIN_MB = 64
_MEMORY_MB = 256
"""Python with its libraries."""
_MEMORY_TIMES = 4
"""Memory of a build to the size of the model files, beside that: building the bundled models (32 MB) with OpenVINO
peaks at 290 MB, at 570 MB with the reference (measured)."""
_MEMORY_GPU_MB = 1024
"""More of it for the libraries of CUDA, which are loaded whole: an estimate, on the low side."""
_CONTEXT_MB = 512
"""GPU memory of a CUDA context with its kernels; 300 to 600 MB are seen (TensorRT's workspace comes on top)."""


def check(plan: Plan, specs: Sequence[NetSpec], *, with_reference: bool, proc: Path = Path("/proc")) -> None:
    """Raise EngineError, with figures, where there is clearly too little disk, memory or GPU memory to build `specs`.

    `with_reference` counts the engine that the new one is compared with, too.
    """
    size = _megabytes(specs) + (_megabytes(tuple(plan.models)) if with_reference else 0)
    disk = _DISK_TIMES * size + _DISK_MARGIN_MB
    root = plan.folder.parent
    free = shutil.disk_usage(root).free // _MIB
    if free < disk:
        raise EngineError(
            f"too little room on the disk of {root}: the build needs about {disk} MB, {free} MB are free",
            "free some (`ocrspool engines gc` removes engines that are not used), or move paths.cache to a larger disk",
        )
    needed = _MEMORY_MB + _MEMORY_TIMES * size + (0 if plan.settings.gpu is None else _MEMORY_GPU_MB)
    available = memory.available_bytes(proc) // _MIB
    if available < needed:
        raise EngineError(
            f"too little memory: the build needs about {needed} MB, {available} MB are available",
            "end other programs, or stop ocrspool.service while it goes on",
        )
    if plan.settings.gpu is not None and not plan.only_ahead:
        _check_gpu(plan.settings.gpu, _CONTEXT_MB + (plan.settings.workspace_mb if _searches(plan) else 0))


def _check_gpu(number: int, needed: int) -> None:
    found = gpu.gpu(number)
    if found.free_mb < needed:
        raise EngineError(
            f"too little memory on gpu:{number} ({found.name}): the build needs about {needed} MB, "
            f"{found.free_mb} of its {found.memory_mb} MB are free",
            "end what else uses it (`nvidia-smi` shows that; a running ocrspool.service does), "
            "or set a smaller engine.workspace_mb",
        )


def _searches(plan: Plan) -> bool:
    """Tell whether the workspace is used: TensorRT tries kernels in it."""
    return plan.settings.provider == "tensorrt"


def _megabytes(specs: Sequence[NetSpec]) -> int:
    return sum(file.stat().st_size for spec in specs for file in spec.files) // _MIB
