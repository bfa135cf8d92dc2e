"""Combinations that are known not to work, or not as expected: a table with one rule in each row.

A rule names the problem before minutes of building end in the message of some library, or in wrong numbers. Every row
has its source: *measured* by this project, or the documents or issues of the makers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ocrspool.doctor.findings import Level
from ocrspool.doctor.inventory import Inventory
from ocrspool.engine.runtimes.installed_packages import Package
from ocrspool.engine_request import Runtime
from ocrspool.machine import installation, native_libraries
from ocrspool.machine.gpu import order_is_certain

_HERE = installation.find()
_NEWEST_OF_PADDLE_2 = 8
_OLDEST_OF_CUDA_13 = (7, 5)
OPENMP = "libgomp.so.1"
"""Paddle asks for it on any machine, and a minimal system does not have it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: when `found` returns a text, that is what was found.

    Where the configuration does not use what the rule is about, a problem is a note, and a note is left out.
    """

    name: str
    level: Level
    runtime: Runtime | None
    """Which runtime it is about; None: any."""
    providers: tuple[str, ...]
    """By which of these it has to compute for the rule to matter; (): no matter by which."""
    found: Callable[[Inventory], str]
    advice: str


def _two_onnxruntimes(seen: Inventory) -> str:
    both = [f"{name} {version}" for name, version in seen.noted.items() if name.startswith("onnxruntime")]
    return f"{' and '.join(both)} are installed into one folder; the last one installed wins" if len(both) > 1 else ""


def _old_onnx_format(seen: Inventory) -> str:
    package = seen.packages.get("onnxruntime")
    if package is None or _version(package.version) >= (1, 18):
        return ""
    return f"{package.name} {package.version} reads ONNX files of IR version 9 at most; the bundled models say 10"


def _runtime_for_the_cpu(seen: Inventory) -> str:
    package = seen.packages.get(seen.config.engine.runtime) if seen.config is not None and seen.wants_gpu else None
    if package is None or package.cuda_libraries:
        return ""
    return f"a GPU is configured; {package.name} {package.version} is made for the CPU"


def _newer_cuda_than_driver(seen: Inventory) -> str:
    if not seen.gpus:
        return ""
    first = seen.gpus[0]
    too_new = [
        f"{package.name} {package.version} is made for CUDA {package.cuda}"
        for package in _of_configured(seen)
        if _version(package.cuda)[:1] > _version(first.cuda_driver)[:1]
    ]
    return f"{' and '.join(too_new)}; driver {first.driver} supports {first.cuda_driver}" if too_new else ""


def _old_gpu_for_cuda_13(seen: Inventory) -> str:
    return "; ".join(
        f"{package.name} {package.version} is made for CUDA {package.cuda}; gpu:{gpu.number} {gpu.name} is of "
        f"capability {gpu.capability}"
        for package in _of_configured(seen)
        for gpu in seen.gpus
        if _version(package.cuda)[:1] >= (13,) and _version(gpu.capability) < _OLDEST_OF_CUDA_13
    )


def _cuda_libraries_missing(seen: Inventory) -> str:
    package = seen.packages.get("onnxruntime")
    missing = [name for name in package.cuda_libraries if seen.libraries.get(name) is None] if package else []
    if package is None or not missing:
        return ""
    return f"{package.name} {package.version} needs {', '.join(missing)}, which cannot be found"


def _tensorrt_missing(runtime: Runtime) -> Callable[[Inventory], str]:
    def found(seen: Inventory) -> str:
        package = seen.packages.get(runtime)
        if package is None or not package.nvinfer or seen.libraries.get(package.nvinfer) is not None:
            return ""
        return f"{package.name} {package.version} asks for {package.nvinfer}, which cannot be found"

    return found


def _no_kernels(seen: Inventory) -> str:
    """Measured on an H200 with the wheel of 2.6.2, which has kernels for 6.1 to 8.6: ones @ ones + ones summed to 0."""
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


def _paddle_3_beyond_cuda_11(seen: Inventory) -> str:
    package = seen.packages.get("paddle")
    if package is None or _version(package.version) < (3,) or _version(package.cuda)[:1] <= (11,):
        return ""
    return f"{package.name} {package.version} is made for CUDA {package.cuda}"


def _paddle_3_with_tensorrt_10(seen: Inventory) -> str:
    package = seen.packages.get("paddle")
    path = seen.libraries.get("libnvinfer.so")
    if package is None or path is None or not (3,) <= _version(package.version) < (3, 4):
        return ""
    version = native_libraries.version(path)
    return f"{package.name} {package.version} with TensorRT {version}" if _version(version)[:1] >= (10,) else ""


def _paddle_onednn(seen: Inventory) -> str:
    package = seen.packages.get("paddle")
    if package is None or _version(package.version)[:2] != (3, 3):
        return ""
    return f"{package.name} {package.version} fails on a CPU with oneDNN; ocrspool switches oneDNN off there"


def _paddle_without_openmp(seen: Inventory) -> str:
    package = seen.packages.get("paddle")
    if package is None or seen.libraries.get(OPENMP, package.folder) is not None:
        return ""
    return f"{package.name} {package.version} cannot be loaded without {OPENMP}, which is not installed"


def _paddle_2_with_numpy_2(seen: Inventory) -> str:
    package = seen.packages.get("paddle")
    numpy = seen.noted.get("numpy", "")
    if package is None or _version(package.version) >= (3,) or _version(numpy) < (2,):
        return ""
    return f"{package.name} {package.version} with numpy {numpy}"


def _uncertain_order(seen: Inventory) -> str:
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


_GPU = ("tensorrt", "cuda")

RULES: tuple[Rule, ...] = (
    Rule(
        "two onnxruntimes",  # both wheels hold the folder onnxruntime/
        "problem",
        "onnxruntime",
        (),
        _two_onnxruntimes,
        f"uninstall all of them; then, for the one that is wanted, {_HERE.add('onnx')}, or with onnx-gpu",
    ),
    Rule(
        "old ONNX format",  # seen with 1.16.3; versions: onnxruntime.ai, compatibility
        "note",
        "onnxruntime",
        (),
        _old_onnx_format,
        "nothing as long as `ocrspool prebuild` succeeds, which adapts the models; otherwise upgrade to 1.18 or newer",
    ),
    Rule(
        "runtime made for the CPU",  # as its files say
        "problem",
        None,
        (),
        _runtime_for_the_cpu,
        f"uninstall it; then {_HERE.add('onnx-gpu')}, or with paddle-gpu; openvino runs on the CPU only",
    ),
    Rule(
        "CUDA newer than the driver",  # NVIDIA, CUDA compatibility: within a major version any driver of it will do
        "problem",
        None,
        (),
        _newer_cuda_than_driver,
        "upgrade the driver (CUDA 13 needs 580 or newer, CUDA 12 525), or install a build for an older CUDA",
    ),
    Rule(
        "GPU too old for CUDA 13",  # CUDA 13 release notes: Turing (7.5) is the oldest
        "problem",
        None,
        (),
        _old_gpu_for_cuda_13,
        "install a build for CUDA 12",
    ),
    Rule(
        "CUDA libraries missing",  # measured: without libcufft both GPU providers fail to load with one line of log
        "problem",
        "onnxruntime",
        _GPU,
        _cuda_libraries_missing,
        "install them (NVIDIA's wheels will do: nvidia-cudnn-cu13 and so on); ONNX Runtime itself would go on with the "
        "CPU after a line of log, which ocrspool refuses",
    ),
    Rule(
        "TensorRT missing for onnxruntime",  # DT_NEEDED of the provider's library
        "problem",
        "onnxruntime",
        ("tensorrt",),
        _tensorrt_missing("onnxruntime"),
        'install the TensorRT of that major version, or set engine.provider = "cuda"',
    ),
    Rule(
        "TensorRT missing for paddle",  # dynload/dynamic_loader.cc: the name without a number
        "problem",
        "paddle",
        ("tensorrt",),
        _tensorrt_missing("paddle"),
        "install TensorRT 8 and put its folder into LD_LIBRARY_PATH; the name without a number has to be there: "
        "ln -s libnvinfer.so.8 libnvinfer.so",
    ),
    Rule(
        "paddle without kernels for this GPU",
        "problem",
        "paddle",
        ("cuda",),
        _no_kernels,
        "its own kernels return wrong numbers there without an error: use it by TensorRT only (engine.provider); "
        "`ocrspool prebuild` compares those engines with a reference before they are used",
    ),
    Rule(
        "paddle 3 and TensorRT on CUDA 12 or newer",  # PaddleX documents; Paddle issue 74097
        "problem",
        "paddle",
        ("tensorrt",),
        _paddle_3_beyond_cuda_11,
        "Paddle 3 runs TensorRT only with CUDA 11.8 and TensorRT 8: install that build, or use "
        'engine.runtime = "onnxruntime"',
    ),
    Rule(
        "paddle 3 and TensorRT 10",  # Paddle issues 74097, 74605
        "problem",
        "paddle",
        ("tensorrt",),
        _paddle_3_with_tensorrt_10,
        'it ends with "Requested TensorRT version does not match": install TensorRT 8, or use '
        'engine.runtime = "onnxruntime"',
    ),
    Rule(
        "paddle 3.3 and oneDNN",  # measured with 3.3.1; Paddle issues 77340, 79749
        "note",
        "paddle",
        ("cpu",),
        _paddle_onednn,
        "nothing; 3.2.2 is the last version that is free of it",
    ),
    Rule(
        "paddle without OpenMP",  # measured with 3.3.1 on a Debian 12 that debootstrap made
        "problem",
        "paddle",
        (),
        _paddle_without_openmp,
        "install it: apt-get install libgomp1",
    ),
    Rule(
        "paddle 2 and numpy 2",  # its wheels were made before numpy 2 and state no upper bound
        "problem",
        "paddle",
        (),
        _paddle_2_with_numpy_2,
        _HERE.library("numpy<2"),
    ),
    Rule(
        "order of the GPUs",  # CUDA programming guide, CUDA_DEVICE_ORDER
        "note",
        None,
        (),
        _uncertain_order,
        "take CUDA_DEVICE_ORDER out of the service's environment, or make it PCI_BUS_ID",
    ),
)
