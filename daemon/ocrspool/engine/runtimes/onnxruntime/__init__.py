"""The ONNX Runtime: what is known of it without importing it. session.py builds and loads its engines."""

from __future__ import annotations

from dataclasses import dataclass

from ocrspool.engine.runtimes.base import RuntimeSpec
from ocrspool.engine.runtimes.installed_packages import Package, constants, distributions, package_folder
from ocrspool.engine_request import Provider, Settings
from ocrspool.machine import native_libraries

_CUDA_LIBRARIES = ("libcudart", "libcublasLt", "libcublas", "libcufft", "libcurand", "libcudnn", "libnvrtc")
"""In the order in which they may be loaded: a later one may need an earlier one."""


@dataclass(frozen=True, kw_only=True)
class _OnnxRuntime(RuntimeSpec):
    def find_package(self, _provider: Provider = "auto") -> Package | None:
        """Return what the package's own note says, and what its two libraries for GPUs ask for."""
        folder = package_folder("onnxruntime")
        if folder is None:
            return None
        told = constants(folder / "capi" / "build_and_package_info.py")
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

    def edits_for(self, settings: Settings) -> int:
        """Return 2 for CUDA in f16: before, the classifier was f16 too, and no session of it became a CUDA graph."""
        return 2 if (settings.provider, settings.precision) == ("cuda", "f16") else self.edits


SPEC = _OnnxRuntime(
    name="onnxruntime",
    module=f"{__name__}.session",
    package="onnxruntime (onnxruntime-gpu for a GPU)",
    extra="onnx",
    distributions=("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino"),
    precisions={"cpu": ("f32",), "cuda": ("f32", "f16"), "tensorrt": ("f16", "f32")},
    gpu_batch=32,
    joins_calls=("cuda",),
    kernel_variables="ORT_TENSORRT_",
)
