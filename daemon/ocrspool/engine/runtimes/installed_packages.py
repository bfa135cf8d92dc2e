"""How a runtime's package is read from its files: its version, and what it was built for. Nothing of it is imported.

Importing a runtime takes seconds, opens libraries and may write files. Reading takes a few milliseconds. What lies in
the package's folder is believed before what pip notes: two distributions can share a folder, and the last one wins.
"""

from __future__ import annotations

import ast
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Package:
    """A runtime as it lies on disk. Where it was built for no GPU, everything about CUDA is ""."""

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


def package_folder(module: str) -> Path | None:
    """Return the folder that `import module` would take, None where there is none."""
    try:
        found = util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(found.origin).parent if found is not None and found.origin else None


def distributions(*names: str) -> dict[str, str]:
    """Return the version of each of these distributions that pip has noted as installed."""
    found = {}
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def constants(file: Path) -> dict[str, Any]:
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
