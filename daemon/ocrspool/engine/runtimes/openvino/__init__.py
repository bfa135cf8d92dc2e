"""The OpenVINO runtime, on a CPU: what is known of it without importing it. net.py builds and loads its engines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ocrspool.engine.runtimes.base import ONNX, PROGRAM, RuntimeSpec
from ocrspool.engine.runtimes.installed_packages import Package, distributions, package_folder
from ocrspool.engine_request import Precision, Provider, Settings
from ocrspool.machine.cpu import CPUINFO, native_bf16, processor

_LINES = 4
"""Lines of a call. Most of a call with a narrow line is the last layer, whose weights are read from memory once a call.
More than 4 are no faster, and seldom are there more of one width (docs/lab/performance.md)."""


@dataclass(frozen=True, kw_only=True)
class _OpenVino(RuntimeSpec):
    def find_package(self, _provider: Provider = "auto") -> Package | None:
        folder, known = package_folder("openvino"), distributions("openvino")
        return Package("openvino", known["openvino"], folder) if folder is not None and known else None

    def auto_precision(self, _provider: Provider, cpuinfo: Path) -> Precision:
        """Return bf16 where the processor computes in it, else f32."""
        return "bf16" if native_bf16(processor(cpuinfo)[1]) else "f32"

    def resolve(self, settings: Settings, cpuinfo: Path = CPUINFO) -> Settings:
        """Return the settings with a few lines per call, where they leave that open."""
        return super().resolve(replace(settings, batch_lines=settings.batch_lines or _LINES), cpuinfo)


SPEC = _OpenVino(
    name="openvino",
    module=f"{__name__}.net",
    package="openvino",
    model_files=(ONNX, PROGRAM),  # it does not read Paddle's newer kind (OpenVINO issue 30911)
    precisions={"cpu": ("f32", "bf16", "f16")},
    columns=768,
    edits=2,  # 1: without fewer_passes.py
)
