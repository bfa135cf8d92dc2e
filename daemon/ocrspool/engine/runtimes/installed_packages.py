"""Which runtimes are installed, and what they were built for: read from their files, without importing them.

Importing one takes seconds, opens libraries and may write files; the answers here cost a few milliseconds. What lies in
the package's folder is believed before what pip notes: two distributions can share a folder, and the last one wins.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

from ocrspool.engine.settings import Runtime
from ocrspool.errors import EngineError
from ocrspool.machine import installation, native_libraries

_CUDA_LIBRARIES = ("libcudart", "libcublasLt", "libcublas", "libcufft", "libcurand", "libcudnn", "libnvrtc")
"""In the order in which they may be loaded: a later one may need an earlier one."""


@dataclass(frozen=True, slots=True)
class Package:
    """A runtime as it lies on disk. Where it was built for no GPU, all about CUDA is ""."""

    name: str
    """The distribution, for instance onnxruntime-gpu."""
    version: str
    folder: Path
    commit: str = ""
    cuda: str = ""
    """The CUDA it was built with, for instance 13.0."""
    cudnn: str = ""
    tensorrt: str = ""
    """The TensorRT it was built with, where it tells."""
    capabilities: tuple[str, ...] = ()
    """Compute capabilities it has kernels for, for instance 8.6, where it tells."""
    asks: Path | None = None
    """The file that asks for the CUDA libraries."""
    cuda_libraries: tuple[str, ...] = ()
    """Names of the CUDA libraries it asks for, in an order in which they can be loaded."""
    nvinfer: str = ""
    """The name by which it asks for TensorRT, "" where it does not."""


def installed(runtime: Runtime) -> Package:
    """Return the package of a runtime. Raise EngineError where there is none, saying how to get it."""
    found = look(runtime)
    if found is None:
        name, extra = _WHERE_FROM[runtime]
        here = installation.find()
        raise EngineError(
            f'engine.runtime = "{runtime}" needs the package {name}, which is not installed here',
            here.add(extra) if extra else here.repair(),
        )
    return found


def look(runtime: Runtime) -> Package | None:
    """Return the package of a runtime, or None."""
    folder = _folder(runtime)
    return _READERS[runtime](folder) if folder is not None else None


def distributions(*names: str) -> dict[str, str]:
    """Return the version of each of these distributions that pip has noted as installed."""
    found = {}
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _openvino(folder: Path) -> Package | None:
    known = distributions("openvino")
    return Package("openvino", known["openvino"], folder) if known else None


def _onnxruntime(folder: Path) -> Package | None:
    told = _constants(folder / "capi" / "build_and_package_info.py")
    known = distributions("onnxruntime-gpu", "onnxruntime")
    name = told.get("package_name") or next(iter(known), "onnxruntime")
    version = told.get("__version__") or known.get(name)
    if not version:
        return None
    cuda = folder / "capi" / "libonnxruntime_providers_cuda.so"
    tensorrt = folder / "capi" / "libonnxruntime_providers_tensorrt.so"
    asked = {*native_libraries.needed(cuda), *native_libraries.needed(tensorrt)}
    return Package(
        name,
        version,
        folder,
        cuda=told.get("cuda_version", "") if cuda.is_file() else "",
        asks=cuda if cuda.is_file() else None,
        cuda_libraries=tuple(
            name for stem in _CUDA_LIBRARIES for name in sorted(asked) if name.partition(".")[0] == stem
        ),
        nvinfer=next((name for name in sorted(asked) if name.startswith("libnvinfer.so")), ""),
    )


def _paddle(folder: Path) -> Package | None:
    told = _constants(folder / "version" / "__init__.py")
    if "full_version" not in told:
        return None
    cuda, cudnn, tensorrt = (_real(told.get(f"{part}_version")) for part in ("cuda", "cudnn", "tensorrt"))
    known = distributions("paddlepaddle-gpu" if cuda else "paddlepaddle")
    capabilities = told.get("compiled_cuda_archs") or ()
    return Package(
        next(iter(known), "paddlepaddle-gpu" if cuda else "paddlepaddle"),
        told["full_version"],
        folder,
        told.get("commit", "")[:12],
        cuda,
        cudnn,
        tensorrt,
        tuple(f"{int(found) // 10}.{int(found) % 10}" for found in capabilities),
        # Paddle opens all of them itself, by names without a version (dynload/dynamic_loader.cc).
        cuda_libraries=("libcublas.so", "libcudnn.so") if cuda else (),
        nvinfer="libnvinfer.so" if cuda else "",
    )


_READERS: dict[Runtime, Callable[[Path], Package | None]] = {
    "openvino": _openvino,
    "onnxruntime": _onnxruntime,
    "paddle": _paddle,
}
_WHERE_FROM: dict[Runtime, tuple[str, str]] = {
    "openvino": ("openvino", ""),
    "onnxruntime": ("onnxruntime (onnxruntime-gpu for a GPU)", "onnx"),
    "paddle": ("paddlepaddle (paddlepaddle-gpu for a GPU)", "paddle"),
}
"""What to install, and the extra of ours that brings it."""


def _folder(module: str) -> Path | None:
    """Return the folder that `import module` would take, None where there is none."""
    try:
        found = util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(found.origin).parent if found is not None and found.origin else None


def _constants(file: Path) -> dict[str, Any]:
    """Return the names that a Python file gives plain values to, without running it."""
    try:
        body = ast.parse(file.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return {}
    found: dict[str, Any] = {}
    for statement in body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            try:
                found[statement.targets[0].id] = ast.literal_eval(statement.value)
            except (ValueError, TypeError):
                continue
    return found


def _real(told: object) -> str:
    """Paddle writes 'False' or 'None' where there is nothing."""
    return str(told) if told and told not in {"False", "None"} else ""
