"""What an engine on a GPU depends on: the GPU, CUDA, TensorRT and their libraries. No CUDA context is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocrspool.errors import EngineError
from ocrspool.machine import installation, native_libraries

if TYPE_CHECKING:
    from pathlib import Path

    from ocrspool.engine.runtimes.installed_packages import Package
    from ocrspool.engine_request import Settings
    from ocrspool.machine.gpu import Gpu


def hard(device: Gpu, package: Package, settings: Settings, extra: str, tensorrt: Path | None) -> dict[str, str]:
    """Return the facts that make a compiled engine wrong when they differ.

    `extra` is the extra of ours that brings the package for GPUs, `tensorrt` the library that the package will load.
    Raise EngineError where the package is made for the CPU, or TensorRT is wanted and not there.
    """
    if not package.cuda_libraries:
        raise EngineError(
            f'engine.devices: "{settings.device}" cannot be used: the installed {package.name} {package.version} is '
            "made for the CPU",
            installation.find().replace(package.name, extra),
        )
    facts = {"runtime_cuda": package.cuda, "gpu": device.name, "compute_capability": device.capability}
    if settings.provider == "tensorrt":
        _require_tensorrt(package, extra, tensorrt)
        version = native_libraries.tensorrt_version(tensorrt) if tensorrt else ""
        facts |= {"tensorrt": version, "workspace_mb": str(settings.workspace_mb)}
    return {key: value for key, value in facts.items() if value}


def soft(device: Gpu, package: Package) -> dict[str, str]:
    """Return the facts that are recorded when an engine is built, and told when they have changed."""
    facts = {
        "driver": device.driver,
        "cuda_driver": device.cuda_driver,
        "gpu_uuid": device.uuid,
        "gpu_memory_mb": str(device.memory_mb),
    }
    for name in package.cuda_libraries:
        stem = name.partition(".")[0].removeprefix("lib")
        path = native_libraries.find(name, package.asks) if stem in {"cudnn", "cublas"} else None
        if path is not None:
            facts[stem] = f"{native_libraries.version(path)} {path}".strip()
    return facts


def _require_tensorrt(package: Package, extra: str, found: Path | None) -> None:
    """Raise EngineError where the package has no part for TensorRT, or the library is not there."""
    if not package.nvinfer:
        raise EngineError(
            f"the installed {package.name} {package.version} has no part for TensorRT",
            f'{installation.find().add(extra)}; or set engine.provider = "cuda"',
        )
    if found is None:
        raise EngineError(
            f"TensorRT is not here: {package.name} {package.version} asks for {package.nvinfer}, which is neither in "
            "LD_LIBRARY_PATH, nor known to ldconfig, nor in a wheel",
            'install the TensorRT of that version, or set engine.provider = "cuda"; `ocrspool doctor` tells more',
        )
