"""The Paddle runtime: what is known of it without importing it. runtime.py builds and loads its engines."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ocrspool.engine.runtimes.base import PIR, PROGRAM, RuntimeSpec
from ocrspool.engine.runtimes.installed_packages import Package, constants, package_folder
from ocrspool.engine_request import Provider, Settings


@dataclass(frozen=True, kw_only=True)
class _Paddle(RuntimeSpec):
    def find_package(self, _provider: Provider = "auto") -> Package | None:
        """Return what the package's own module `version` says."""
        folder = package_folder("paddle")
        told = constants(folder / "version" / "__init__.py") if folder is not None else {}
        if folder is None or "full_version" not in told:
            return None
        cuda, cudnn, tensorrt = (_real(told.get(f"{part}_version")) for part in ("cuda", "cudnn", "tensorrt"))
        name = "paddlepaddle-gpu" if cuda else "paddlepaddle"
        capabilities = told.get("compiled_cuda_archs") or ()
        return Package(
            name,
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

    def find_library(self, name: str, package: Package) -> Path | None:
        """Return the file that Paddle gets. It looks for TensorRT in a folder of its own first."""
        first = Path(os.environ.get("FLAGS_tensorrt_dir", "/nonexistent"), name)  # noqa: SIM112 - its name
        return first if name == package.nvinfer and first.is_file() else super().find_library(name, package)

    def is_bound_to_place(self, settings: Settings, models: Iterable[Path]) -> bool:
        """Tell whether the model is of the newer kind: its converted program holds the path of the TensorRT engine."""
        return settings.provider == "tensorrt" and any(path.suffix == ".json" for path in models)


def _real(told: object) -> str:
    """Return a version. Paddle writes 'False' or 'None' where there is none."""
    return str(told) if told and told not in {"False", "None"} else ""


SPEC = _Paddle(
    name="paddle",
    module=f"{__name__}.runtime",
    package="paddlepaddle (paddlepaddle-gpu for a GPU)",
    extra="paddle",
    distributions=("paddlepaddle", "paddlepaddle-gpu"),
    system_libraries=("libgomp.so.1",),
    model_files=(PIR, PROGRAM),
    precisions={"cpu": ("f32",), "cuda": ("f32",), "tensorrt": ("f16", "f32")},
    gpu_batch=16,
    kernel_variables="FLAGS_",
)
