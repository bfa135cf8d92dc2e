"""How an engine is compiled and run on one device: the values that every runtime gets. It imports nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Runtime = Literal["openvino", "onnxruntime", "paddle"]

Precision = Literal["auto", "f32", "bf16", "f16"]

Provider = Literal["auto", "tensorrt", "cuda", "cpu"]
"""What computes within a runtime. Whoever configures says auto, tensorrt or cuda; on a CPU it is cpu."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`identity.resolved` replaces what is left to the machine (auto, 0) by real values."""

    device: str = "cpu"
    """cpu, or gpu:0 and so on, in the order in which the driver counts."""
    provider: Provider = "auto"
    precision: Precision = "auto"
    threads: int = 0
    """Threads of this process; 0 = every core it may use."""
    streams: int = 0
    """Calls that run side by side on a CPU; 0 = one per thread, which wastes least (no waiting inside a call)."""
    batch: int = 0
    """Text lines per call; 0 = what suits the device."""
    side: int = 1280
    """Pixels to which the long side of a 3:4 page is reduced before text is looked for."""
    line_width: int = 0
    """Pixels of the widest line at a height of 48; longer ones are cut. 0 = what suits the device."""
    workspace_mb: int = 1024
    """GPU memory that TensorRT may use while it looks for the fastest kernels, and keeps for running them."""

    @property
    def gpu(self) -> int | None:
        """The number of the GPU, None on a CPU."""
        kind, _, number = self.device.partition(":")
        return int(number or 0) if kind == "gpu" else None
