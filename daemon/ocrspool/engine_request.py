"""Which engine is wanted: one value that goes unchanged from the configuration to the worker and to the plan.

The names are those of the configuration's [engine] table. This module imports nothing of ours and no library, because
the service, the worker and the commands all load it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Runtime = Literal["openvino", "onnxruntime", "paddle", "tensorrt"]
"""Each is a module or a package of that name in engine/runtimes/, with a `SPEC`. This line registers it."""

Precision = Literal["auto", "f32", "bf16", "f16"]

GpuProvider = Literal["auto", "tensorrt", "rtx", "cuda"]
"""What computes on a GPU within a runtime, as the configuration says it."""

Provider = Literal[GpuProvider, "cpu"]
"""What computes within a runtime. On a CPU it is always cpu."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How an engine is compiled and run on one device. Every runtime gets this value.

    `RuntimeSpec.resolve` replaces what is left to the machine (auto, 0) by real values.
    """

    device: str = "cpu"
    """cpu, or gpu:0 and so on, in the order in which the driver counts."""
    provider: Provider = "auto"
    precision: Precision = "auto"
    threads: int = 0
    """Threads of this process; 0 = every core that it may use."""
    streams: int = 0
    """Calls that run side by side on a CPU. 0 = one per thread, which wastes least: no call waits for its threads."""
    batch_lines: int = 0
    """Text lines per call; 0 = what suits the device."""
    detection_side: int = 1280
    """Pixels to which the long side of a 3:4 page is reduced before text is looked for."""
    line_width: int = 0
    """Pixels of the widest line at a height of 48. Longer lines are cut. 0 = what suits the device."""
    workspace_mb: int = 1024
    """GPU memory that TensorRT may use while it looks for the fastest kernels, and keeps for running them."""

    @property
    def gpu(self) -> int | None:
        """The number of the GPU; None on a CPU."""
        kind, _, number = self.device.partition(":")
        return int(number or 0) if kind == "gpu" else None


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """The engine that the configuration wants on one device."""

    runtime: Runtime = "openvino"
    models: str = "bundled"
    cache: str = ""
    """The folder of engines and models."""
    readers: tuple[tuple[str, str], ...] = ()
    """Name and choice of each further reader, sorted by name."""
    finders: tuple[tuple[str, str], ...] = ()
    """Likewise of each further finder of lines."""
    readers_at: Literal["start", "first use"] = "start"
    """When the nets of further readers are loaded."""
    on_no_gpu: Literal["fail", "cpu"] = "fail"
    settings: Settings = field(default_factory=Settings)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values, for a message to a worker."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> EngineRequest:
        """Return the request that `to_json` made plain values of."""
        further = {each: tuple((name, choice) for name, choice in values[each]) for each in ("readers", "finders")}
        return cls(**{**values, **further, "settings": Settings(**values["settings"])})
