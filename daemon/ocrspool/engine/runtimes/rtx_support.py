"""Which GPUs TensorRT for RTX runs on. Imports no runtime: the fingerprint and `ocrspool doctor` ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocrspool.errors import EngineError

if TYPE_CHECKING:
    from ocrspool.machine.gpu import Gpu

CAPABILITIES = "8.0 8.6 8.9 12.0 and newer"
"""Compute capabilities of an engine that is compiled without a word on it (TensorRT for RTX 1.7 says so itself)."""

_LISTED = frozenset({"8.0", "8.6", "8.9"})
_FROM = 12

HINT = 'set engine.provider = "tensorrt", or engine.runtime = "onnxruntime" with engine.provider = "cuda"'


def runs_on(capability: str) -> bool:
    """Whether an engine runs on a GPU of this compute capability."""
    return capability in _LISTED or int(capability.partition(".")[0]) >= _FROM


def require(device: Gpu) -> None:
    """Raise EngineError where TensorRT for RTX does not run on this GPU."""
    if not runs_on(device.capability):
        raise EngineError(
            f"TensorRT for RTX does not run on gpu:{device.number} {device.name}, which has compute capability "
            f"{device.capability}: it takes {CAPABILITIES}",
            HINT,
        )
