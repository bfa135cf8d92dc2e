"""Puts a model into f16, by the converter that comes with ONNX Runtime. Only builds need it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_float16 = import_module("onnxruntime.transformers.float16")


def halved(model: Any) -> Any:  # noqa: ANN401  # onnx's ModelProto
    """Return the model with weights and arithmetic in f16, its input and outputs as they were.

    Means stay in f32: with CUDA's in f16, detection says of every pixel what is no number (seen on an H100; no value of
    the net in f32 is too large for f16; the sum over a page may be).
    """
    kept = [*_float16.DEFAULT_OP_BLOCK_LIST, "ReduceMean"]
    return _float16.convert_float_to_float16(model, keep_io_types=True, op_block_list=kept)
