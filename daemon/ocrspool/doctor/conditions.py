"""Whether a combination that is known not to work is on this machine. Each function returns what was found, or "".

known_problems.py has the table of rules that name these functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ocrspool.doctor.inventory import Inventory
from ocrspool.engine.runtimes.installed_packages import Package
from ocrspool.engine.runtimes.rtx_support import CAPABILITIES, runs_on
from ocrspool.engine_request import Runtime
from ocrspool.machine import native_libraries
from ocrspool.machine.gpu import order_is_certain

_NEWEST_OF_PADDLE_2 = 8
_OLDEST_OF_CUDA_13 = (7, 5)
OPENMP = "libgomp.so.1"
"""Paddle asks for it on any machine, and a minimal system does not have it."""


def two_onnxruntimes(seen: Inventory) -> str:
    """Look for two builds of onnxruntime in one folder."""
    both = [f"{name} {version}" for name, version in seen.noted.items() if name.startswith("onnxruntime")]
    return f"{' and '.join(both)} are installed into one folder; the last one installed wins" if len(both) > 1 else ""


def old_onnx_format(seen: Inventory) -> str:
    """Onnxruntime is too old for the ONNX format of the bundled models."""
    package = seen.packages.get("onnxruntime")
    if package is None or _version(package.version) >= (1, 18):
        return ""
    return f"{package.name} {package.version} reads ONNX files of IR version 9 at most; the bundled models say 10"


def runtime_for_the_cpu(seen: Inventory) -> str:
    """Look for a runtime for the CPU where a GPU is configured."""
    package = seen.packages.get(seen.config.engine.runtime) if seen.config is not None and seen.wants_gpu else None
    if package is None or package.cuda_libraries or package.name.startswith("tensorrt"):
        return ""
    return f"a GPU is configured; {package.name} {package.version} is made for the CPU"


def rtx_on_another_gpu(seen: Inventory) -> str:
    """Look for a GPU on which TensorRT for RTX does not run."""
    package = seen.packages.get("tensorrt")
    if package is None or not package.name.startswith("tensorrt-rtx"):
        return ""
    others = [f"gpu:{gpu.number} {gpu.name} ({gpu.capability})" for gpu in seen.gpus if not runs_on(gpu.capability)]
    where = f"which takes {CAPABILITIES}"
    return f"{', '.join(others)} cannot be used by {package.name} {package.version}, {where}" if others else ""


def newer_cuda_than_driver(seen: Inventory) -> str:
    """Look for a runtime that is made for a newer CUDA than the driver supports."""
    if not seen.gpus:
        return ""
    first = seen.gpus[0]
    too_new = [
        f"{package.name} {package.version} is made for CUDA {package.cuda}"
        for package in _of_configured(seen)
        if _version(package.cuda)[:1] > _version(first.cuda_driver)[:1]
    ]
    return f"{' and '.join(too_new)}; driver {first.driver} supports {first.cuda_driver}" if too_new else ""


def old_gpu_for_cuda_13(seen: Inventory) -> str:
    """Look for a GPU that is too old for a runtime of CUDA 13."""
    return "; ".join(
        f"{package.name} {package.version} is made for CUDA {package.cuda}; gpu:{gpu.number} {gpu.name} is of "
        f"capability {gpu.capability}"
        for package in _of_configured(seen)
        for gpu in seen.gpus
        if _version(package.cuda)[:1] >= (13,) and _version(gpu.capability) < _OLDEST_OF_CUDA_13
    )


def cuda_libraries_missing(seen: Inventory) -> str:
    """Look for the libraries of CUDA that onnxruntime needs."""
    package = seen.packages.get("onnxruntime")
    missing = [name for name in package.cuda_libraries if seen.libraries.get(name) is None] if package else []
    if package is None or not missing:
        return ""
    return f"{package.name} {package.version} needs {', '.join(missing)}, which cannot be found"


def tensorrt_missing(runtime: Runtime) -> Callable[[Inventory], str]:
    """Return a function that looks for the TensorRT of a runtime."""

    def found(seen: Inventory) -> str:
        package = seen.packages.get(runtime)
        if package is None or not package.nvinfer or seen.libraries.get(package.nvinfer) is not None:
            return ""
        return f"{package.name} {package.version} asks for {package.nvinfer}, which cannot be found"

    return found


def no_kernels(seen: Inventory) -> str:
    """Look for GPUs that Paddle has no kernels for.

    Measured on an H200 with the wheel of 2.6.2, which has kernels for 6.1 to 8.6: ones @ ones + ones summed to 0.
    """
    package = seen.packages.get("paddle")
    if package is None or not package.cuda:
        return ""
    without = [
        f"gpu:{gpu.number} {gpu.name} ({gpu.capability})"
        for gpu in seen.gpus
        if not _has_kernels(package, gpu.capability)
    ]
    return f"{package.name} {package.version} has no kernels for {', '.join(without)}" if without else ""


def _has_kernels(package: Package, capability: str) -> bool:
    """Whether kernels for this capability are in the wheel: made for it, or for an earlier one of the same major."""
    wanted = _version(capability)
    if not package.capabilities:  # before 3.0 the wheel does not tell
        return _version(package.version) >= (3,) or wanted[0] <= _NEWEST_OF_PADDLE_2
    return any(made[0] == wanted[0] and made <= wanted for made in map(_version, package.capabilities))


def paddle_3_beyond_cuda_11(seen: Inventory) -> str:
    """Look for a Paddle 3 that is made for a newer CUDA than 11."""
    package = seen.packages.get("paddle")
    if package is None or _version(package.version) < (3,) or _version(package.cuda)[:1] <= (11,):
        return ""
    return f"{package.name} {package.version} is made for CUDA {package.cuda}"


def paddle_3_with_tensorrt_10(seen: Inventory) -> str:
    """Look for a Paddle 3 that would get TensorRT 10."""
    package = seen.packages.get("paddle")
    path = seen.libraries.get("libnvinfer.so")
    if package is None or path is None or not (3,) <= _version(package.version) < (3, 4):
        return ""
    version = native_libraries.version(path)
    return f"{package.name} {package.version} with TensorRT {version}" if _version(version)[:1] >= (10,) else ""


def paddle_onednn(seen: Inventory) -> str:
    """Look for a version of Paddle that fails with oneDNN."""
    package = seen.packages.get("paddle")
    if package is None or _version(package.version)[:2] != (3, 3):
        return ""
    return f"{package.name} {package.version} fails on a CPU with oneDNN; ocrspool switches oneDNN off there"


def paddle_without_openmp(seen: Inventory) -> str:
    """Look for the OpenMP that Paddle needs."""
    package = seen.packages.get("paddle")
    if package is None or seen.libraries.get(OPENMP, package.folder) is not None:
        return ""
    return f"{package.name} {package.version} cannot be loaded without {OPENMP}, which is not installed"


def paddle_2_with_numpy_2(seen: Inventory) -> str:
    """Look for a Paddle 2 with numpy 2."""
    package = seen.packages.get("paddle")
    numpy = seen.noted.get("numpy", "")
    if package is None or _version(package.version) >= (3,) or _version(numpy) < (2,):
        return ""
    return f"{package.name} {package.version} with numpy {numpy}"


def uncertain_order(seen: Inventory) -> str:
    """Look for GPUs that CUDA may number in another order than the driver."""
    if order_is_certain(list(seen.gpus)):
        return ""
    return "the GPUs differ, and CUDA numbers them by speed: gpu:0 may be another one than the driver's first"


def _of_configured(seen: Inventory) -> list[Package]:
    """Return the package of the configured runtime; of all where none is configured for a GPU."""
    runtime = seen.config.engine.runtime if seen.config is not None and seen.wants_gpu else None
    return [package for name, package in seen.packages.items() if package.cuda and runtime in {None, name}]


def _version(text: str) -> tuple[int, ...]:
    """Return the numbers of a version, at most three; () where there are none."""
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])
