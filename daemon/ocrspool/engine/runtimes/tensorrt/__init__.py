"""TensorRT spoken to directly, by its own Python API: `tensorrt` 8.5, 10 and 11, and `tensorrt_rtx`.

| provider | package      | compiled                                    | runs on                                  |
|----------|--------------|---------------------------------------------|------------------------------------------|
| tensorrt | tensorrt     | on the GPU that it is for, minutes a net    | that GPU model, by that TensorRT version |
| rtx      | tensorrt_rtx | on any processor, in seconds, without a GPU | capability 8.0, 8.6, 8.9, 12.0 and newer |

An engine folder holds `<name>.engine`, and for RTX `<name>.kernels` beside it: the runtime cache, which has the kernels
that RTX compiled when the engine first ran on this GPU. library.py is the one place that imports TensorRT, compiler.py
makes an engine, net.py runs one, runtime.py is what the rest of the program calls.

With TensorRT 8.5.3 all nets were built on an H100, and read as on a CPU (docs/lab/gpu.md). With TensorRT for RTX 1.7
all nets are compiled, and none was run. Nothing was run with 10 and 11: that follows their documentation.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocrspool.engine.runtimes import rtx_support
from ocrspool.engine.runtimes.base import RuntimeSpec
from ocrspool.engine.runtimes.installed_packages import Package, distributions, package_folder
from ocrspool.engine_request import Provider, Settings
from ocrspool.errors import EngineError

if TYPE_CHECKING:
    from ocrspool.machine.gpu import Gpu

_MODULES: dict[Provider, tuple[str, ...]] = {
    "auto": ("tensorrt", "tensorrt_rtx"),
    "tensorrt": ("tensorrt",),
    "rtx": ("tensorrt_rtx",),
}


@dataclass(frozen=True, kw_only=True)
class _TensorRt(RuntimeSpec):
    @property
    def gpu_extra(self) -> str:
        """The runtime has no part for the CPU, so its extra is for GPUs."""
        return self.extra

    def find_package(self, provider: Provider = "auto") -> Package | None:
        """Return TensorRT, or TensorRT for RTX. The end of a distribution's name tells the CUDA that it is made for."""
        for module in _MODULES.get(provider, ()):
            folder = package_folder(module)
            stem = module.replace("_", "-")
            if folder is None:
                continue
            for name, version in distributions(f"{stem}-cu13", f"{stem}-cu12", stem).items():
                return Package(name, version, folder, cuda=name.removeprefix(f"{stem}-cu") if name != stem else "")
        return None

    def begin(self, settings: Settings) -> None:
        """Make the GPU's context in a thread of its own."""
        threading.Thread(target=_enter, args=(settings.gpu or 0,), name="context", daemon=True).start()

    def auto_provider(self) -> Provider:
        """Return what is installed; TensorRT where both are, because it runs on every GPU."""
        found = self.find_package()
        return "rtx" if found is not None and found.name.startswith("tensorrt-rtx") else "tensorrt"

    def gpu_facts(self, device: Gpu, package: Package, settings: Settings) -> dict[str, str]:
        """Return the facts of a GPU. The package is TensorRT itself, so its version is the runtime's."""
        if settings.provider == "rtx":
            rtx_support.require(device)
        facts = {"runtime_cuda": package.cuda, "gpu": device.name, "compute_capability": device.capability}
        return {key: value for key, value in facts.items() if value} | self._limits(settings)

    def compiles_ahead(self, settings: Settings) -> bool:
        """TensorRT for RTX compiles for a family of GPUs, on a processor."""
        return settings.provider == "rtx"

    def ahead_facts(self, package: Package, settings: Settings) -> dict[str, str]:
        """Return the GPUs that can run it."""
        facts = {"runtime_cuda": package.cuda, "gpu": "any", "compute_capability": rtx_support.CAPABILITIES}
        return {key: value for key, value in facts.items() if value} | self._limits(settings)

    def _limits(self, settings: Settings) -> dict[str, str]:
        return {"workspace_mb": str(settings.workspace_mb)}


def _enter(number: int) -> None:
    """Make the context of a GPU. What fails here, fails again where the engine is loaded, and is told there."""
    from ocrspool.engine.runtimes.cuda import CudaError, cuda  # noqa: PLC0415 - numpy, which the service does without

    with suppress(CudaError, EngineError):
        cuda(number)


SPEC = _TensorRt(
    name="tensorrt",
    module=f"{__name__}.runtime",
    package="tensorrt (tensorrt_rtx for GeForce and RTX)",
    extra="tensorrt-cu12",
    distributions=(
        "tensorrt",
        "tensorrt-cu12",
        "tensorrt-cu13",
        "tensorrt-rtx",
        "tensorrt-rtx-cu12",
        "tensorrt-rtx-cu13",
    ),
    precisions={"tensorrt": ("f16", "f32"), "rtx": ("f16", "f32")},
    gpu_batch=32,
    joins_calls=("tensorrt", "rtx"),
    cpu_runtime="openvino",
)
