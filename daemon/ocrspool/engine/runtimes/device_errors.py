"""What a runtime's error text says about the device: too little memory, lost, or something else. It imports no runtime.

Runtimes distinguish these only in words: ONNX Runtime, TensorRT and Paddle all wrap the same CUDA errors, each with its
own sentence around the error's name, number or description. A wrong guess costs little: an error that is taken for
neither is an EngineError, after which the worker is replaced anyway.
"""

from __future__ import annotations

import re

from ocrspool.errors import DeviceLostError, DeviceMemoryError, EngineError

_SHOWN = 600
"""Characters of a runtime's text that a message repeats; some add pages of stack."""

# Numbers and descriptions: CUDA Runtime API, "CUDA error types" (cudaError_t). After all but 2 and 46 the process can
# make no further call to the device; 46 and 100 are a device that is busy or gone.
_LOST_NUMBERS = "3|46|100|101|214|220|700|702|710|714|715|716|717|718|719|999"
_CUDA_NUMBER = r"cuda\w*(?: \w+)? ?(?:error|failure)(?: code| with error)?[\s(:=#]{1,3}(?:%s)\b"

_LOST = re.compile(
    "|".join(
        (
            "illegal (?:memory )?address",
            "illegal memory access",
            "illegal instruction",
            "misaligned address",
            "device side assert",
            r"\berror assert\b",
            "unspecified launch failure",
            "launch failed",
            "launch timed? ?out",
            "device is lost",
            "(?:device|gpu) (?:has )?fallen off the bus",
            r"\bxid\b",
            "ecc uncorrectable|uncorrectable ecc|uncorrectable nvlink",
            "initialization error",
            "no cuda capable device|error no device",
            "devices? (?:is|are|is/are) busy or unavailable|error devices? unavailable",
            "context is destroyed",
            _CUDA_NUMBER % _LOST_NUMBERS,
        )
    )
)
_MEMORY = re.compile(
    "|".join(
        (
            "out of memory",
            "out of gpu memory",
            "failed to allocate memory",
            "memory ?allocation",
            "resource ?exhausted",
            "status alloc failed",
            "bad alloc",
            _CUDA_NUMBER % "2",
        )
    )
)


def device_error(name: str, shape: tuple[int, ...], text: str) -> EngineError:
    """Return the error to raise for what a runtime said when net `name` failed on a batch of that shape [n, h, w, c].

    DeviceLostError comes before DeviceMemoryError: a lost device fails every allocation too. () is a net that failed
    before any batch.
    """
    # One spelling for CUDA_ERROR_ILLEGAL_ADDRESS, cudaErrorIllegalAddress, "device-side" and "an illegal  address".
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    words = re.sub(r"[\s_-]+", " ", words).lower()
    what = f"{name} failed on shape {shape}" if shape else f"{name} failed"
    if _LOST.search(words):
        return DeviceLostError(
            f"{what}, the device is lost: {_short(text)}",
            "the worker is replaced; if this repeats, look into the kernel's log (dmesg) for Xid messages",
        )
    if _MEMORY.search(words):
        return DeviceMemoryError(
            f"{what}, out of memory: {_short(text)}",
            "lower engine.batch_lines, engine.line_width or engine.detection_side, or free memory on the device",
        )
    return EngineError(f"{what}: {_short(text)}", "the worker is replaced")


def _short(text: str) -> str:
    """Return the text in one line; of a long one both ends, since ONNX Runtime says it first and Paddle last."""
    line = " ".join(text.split())
    half = _SHOWN // 2
    return line if len(line) <= _SHOWN else f"{line[:half]} … {line[-half:]}"
