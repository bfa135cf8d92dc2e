"""The OpenVINO runtime, on a CPU: what is known of it without importing it. net.py builds and loads its engines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ocrspool.engine.runtimes.base import ONNX, PROGRAM, RuntimeSpec
from ocrspool.engine.runtimes.installed_packages import Package, distributions, package_folder
from ocrspool.engine_request import Precision, Provider, Settings
from ocrspool.machine.cpu import CPUINFO, native_bf16, processor


@dataclass(frozen=True, kw_only=True)
class _OpenVino(RuntimeSpec):
    def find_package(self, _provider: Provider = "auto") -> Package | None:
        folder, known = package_folder("openvino"), distributions("openvino")
        return Package("openvino", known["openvino"], folder) if folder is not None and known else None

    def auto_precision(self, _provider: Provider, cpuinfo: Path) -> Precision:
        """Return bf16 where the processor computes in it, else f32."""
        return "bf16" if native_bf16(processor(cpuinfo)[1]) else "f32"

    def resolve(self, settings: Settings, cpuinfo: Path = CPUINFO) -> Settings:
        """Return the settings with one line per call. Larger batches are no faster on a CPU (measured)."""
        return replace(super().resolve(settings, cpuinfo), batch_lines=1)


SPEC = _OpenVino(
    name="openvino",
    module=f"{__name__}.net",
    package="openvino",
    model_files=(ONNX, PROGRAM),  # it does not read Paddle's newer kind (OpenVINO issue 30911)
    precisions={"cpu": ("f32", "bf16", "f16")},
)
