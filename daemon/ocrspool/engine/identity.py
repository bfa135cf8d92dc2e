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
from dataclasses import dataclass, field, replace
from pathlib import Path

from ocrspool.engine.runtimes.installed_packages import Package, installed
from ocrspool.engine.settings import Precision, Provider, Runtime, Settings
from ocrspool.errors import ConfigError, EngineError
from ocrspool.machine import gpu, installation, native_libraries
from ocrspool.machine.cpu import native_bf16, processor

_CPUINFO = Path("/proc/cpuinfo")

_WIDEST = 3200
"""Pixels; PP-OCR was trained and exported with lines up to it."""
_WIDEST_ON_GPU = 1600
"""Half of it: TensorRT builds faster and takes less memory, and few lines of a page are longer."""
_BATCH_ON_GPU: dict[Runtime, int] = {"onnxruntime": 32, "paddle": 16}

_PRECISIONS: dict[tuple[Runtime, Provider], tuple[Precision, ...]] = {
    ("onnxruntime", "cpu"): ("f32",),
    ("onnxruntime", "cuda"): ("f32", "f16"),
    ("onnxruntime", "tensorrt"): ("f16", "f32"),
    ("paddle", "cpu"): ("f32",),
    ("paddle", "cuda"): ("f32",),
    ("paddle", "tensorrt"): ("f16", "f32"),
}
"""What can be computed in; the first is what auto means."""

# Variables that change which kernels run. Those of the other runtime change nothing, and are no reason for a rebuild.
_KERNELS: dict[Runtime, str] = {"openvino": "", "onnxruntime": "ORT_TENSORRT_", "paddle": "FLAGS_"}
_TF32 = "NVIDIA_TF32_OVERRIDE"
_NO_KERNEL = re.compile(r"dump|log(level|to|_|$)|cache_enable|(^|_)(dir|path|file|prefix|v)$", re.IGNORECASE)
"""In the rest of a name: what is about places, logs or the cache itself."""


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
    return _for_openvino(chosen, cpuinfo) if runtime == "openvino" else _for_provider(runtime, chosen)


def facts(runtime: Runtime, settings: Settings, cpuinfo: Path = _CPUINFO) -> Facts:
    """Return what an engine made with these resolved settings depends on.

    Streams and threads are not among them: they are set when an engine is loaded, and its files are the same.
    Raise NoGpuError where the GPU is not there, EngineError where a package or a library is missing.
    """
    device = gpu.gpu(settings.gpu) if settings.gpu is not None else None
    package = installed(runtime)
    hard = {"runtime": runtime, "runtime_version": package.version}
    soft = {"python": platform.python_version()}
    if package.commit:
        hard["runtime_commit"] = package.commit
    hard["device"] = settings.device.partition(":")[0]  # which of several alike is no matter
    if runtime != "openvino":
        hard["provider"] = settings.provider
    hard["precision"] = settings.precision  # no runtime notices by itself that an engine is of another one
    if environment := _environment(runtime, settings):
        hard["environment"] = environment
    if device is None:
        name, flags = processor(cpuinfo)
        hard |= {"cpu": name, "cpu_flags": " ".join(sorted(flags))}
    else:
        hard |= _of_gpu(device, package, settings)
        soft |= _beside_gpu(device, package)
    return Facts(hard, soft)


def bound_to_place(runtime: Runtime, settings: Settings, models: Iterable[Path], cache: Path) -> dict[str, str]:
    """Return the cache's absolute path as a hard fact where an engine works there only, {} where it can be moved.

    Paddle writes the path of a TensorRT engine into the converted program when the model is of its newer kind (.json).
    """
    bound = runtime == "paddle" and settings.provider == "tensorrt" and any(path.suffix == ".json" for path in models)
    return {"path": os.path.realpath(cache)} if bound else {}


def _for_openvino(settings: Settings, cpuinfo: Path) -> Settings:
    if settings.gpu is not None:
        raise ConfigError([f"engine: openvino runs on the cpu here, not on {settings.device!r}"])
    precision = settings.precision
    if precision == "auto":
        precision = "bf16" if native_bf16(processor(cpuinfo)[1]) else "f32"
    # On a CPU larger batches are no faster per line (measured), and need filling.
    return replace(settings, provider="cpu", precision=precision, batch=1, line_width=settings.line_width or _WIDEST)


def _for_provider(runtime: Runtime, settings: Settings) -> Settings:
    """Decide for a runtime that computes by one of several providers."""
    on_gpu = settings.gpu is not None
    # On a CPU the setting is not looked at: it says what computes on a GPU, and the CPU may be one's place.
    provider: Provider = ("tensorrt" if settings.provider == "auto" else settings.provider) if on_gpu else "cpu"
    possible = _PRECISIONS[runtime, provider]
    if settings.precision not in {"auto", *possible}:
        where = f"{runtime} on {settings.device}" + (f" by {provider}" if on_gpu else "")
        raise ConfigError(
            [f'engine.precision: "{settings.precision}" cannot be had of {where}: it computes {" or ".join(possible)}'],
            f'set engine.precision = "auto" (here {possible[0]})',
        )
    return replace(
        settings,
        provider=provider,
        precision=possible[0] if settings.precision == "auto" else settings.precision,
        batch=settings.batch or (_BATCH_ON_GPU[runtime] if on_gpu else 1),
        line_width=settings.line_width or (_WIDEST_ON_GPU if on_gpu else _WIDEST),
    )


def _of_gpu(device: gpu.Gpu, package: Package, settings: Settings) -> dict[str, str]:
    """Return the hard facts of a GPU and of what computes there. Raise EngineError."""
    if not package.cuda_libraries:
        raise EngineError(
            f'engine.devices: "{settings.device}" cannot be used: the installed {package.name} {package.version} is '
            "made for the CPU",
            installation.find().replace(package.name, _extra_for_gpu(package)),
        )
    hard = {"runtime_cuda": package.cuda, "gpu": device.name, "compute_capability": device.capability}
    if settings.provider == "tensorrt":
        hard |= {"tensorrt": _tensorrt(package), "workspace_mb": str(settings.workspace_mb)}
    return {key: value for key, value in hard.items() if value}


def _beside_gpu(device: gpu.Gpu, package: Package) -> dict[str, str]:
    """Return the soft facts of a GPU and of the libraries that compute there."""
    soft = {
        "driver": device.driver,
        "cuda_driver": device.cuda_driver,
        "gpu_uuid": device.uuid,
        "gpu_memory_mb": str(device.memory_mb),
    }
    for name in package.cuda_libraries:
        stem = name.partition(".")[0].removeprefix("lib")
        path = native_libraries.find(name, package.asks) if stem in {"cudnn", "cublas"} else None
        if path is not None:
            soft[stem] = f"{native_libraries.version(path)} {path}".strip()
    return soft


def _tensorrt(package: Package) -> str:
    """Return the version of the TensorRT that the runtime will load. Raise EngineError."""
    name = package.nvinfer
    if not name:
        raise EngineError(
            f"the installed {package.name} {package.version} has no part for TensorRT",
            f'{installation.find().add(_extra_for_gpu(package))}; or set engine.provider = "cuda"',
        )
    first = os.environ.get("FLAGS_tensorrt_dir") if package.name.startswith("paddle") else None  # noqa: SIM112 - its name
    path = Path(first, name) if first and Path(first, name).is_file() else native_libraries.find(name, package.asks)
    if path is None:
        raise EngineError(
            f"TensorRT is not here: {package.name} {package.version} asks for {name}, which is neither in "
            "LD_LIBRARY_PATH, nor known to ldconfig, nor in a wheel",
            'install the TensorRT of that version, or set engine.provider = "cuda"; `ocrspool doctor` tells more',
        )
    return native_libraries.tensorrt_version(path)


def _extra_for_gpu(package: Package) -> str:
    return "onnx-gpu" if package.name.startswith("onnxruntime") else "paddle-gpu"


def _environment(runtime: Runtime, settings: Settings) -> str:
    """Return the variables in effect that change which kernels run, as NAME=value, sorted."""
    prefix = _KERNELS[runtime]
    found = {
        name: value
        for name, value in os.environ.items()
        if (name == _TF32 and settings.gpu is not None)
        or (prefix and name.startswith(prefix) and not _NO_KERNEL.search(name.removeprefix(prefix)))
    }
    return " ".join(f"{name}={found[name]}" for name in sorted(found))
