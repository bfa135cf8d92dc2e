"""Puts a model into f16, by the converter that comes with ONNX Runtime. Only builds need it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ocrspool.engine.runtimes.onnxruntime.graph import OURS, opset_of

_float16 = import_module("onnxruntime.transformers.float16")

_CLIP_IN_F16 = 12
"""The oldest operator set whose Clip ONNX Runtime's CUDA provider has in f16."""


def halved(model: Any, *, for_cuda: bool = False) -> Any:  # noqa: ANN401  # onnx's ModelProto
    """Return the model with weights and arithmetic in f16, its input and outputs as they were.

    Means over a page stay in f32: with CUDA's in f16, detection says of every pixel what is no number (seen on an H100;
    no value of the net in f32 is too large for f16; the sum over a page may be).

    `for_cuda` is for ONNX Runtime's CUDA provider. What that has in f32 only stays in f32: a session with one node on
    the CPU cannot become a CUDA graph. Means within a layer normalization become f16, because ONNX Runtime makes one
    operation of the whole normalization, with sums in f32, and does so only where no casts lie between its nodes.
    """
    operators, nodes = [*_float16.DEFAULT_OP_BLOCK_LIST], []
    if for_cuda:
        nodes = _wide_means(model)
        operators += ["Clip"] if opset_of(model) < _CLIP_IN_F16 else []
    else:
        operators.append("ReduceMean")
    return _float16.convert_float_to_float16(model, keep_io_types=True, op_block_list=operators, node_block_list=nodes)


def _wide_means(model: Any) -> list[str]:  # noqa: ANN401
    """Return the names of means over more than one axis. Nodes without a name get one."""
    names = []
    for number, node in enumerate(model.graph.node):
        if node.op_type == "ReduceMean":
            node.name = node.name or f"{OURS}mean_{number}"
            axes = [attribute.ints for attribute in node.attribute if attribute.name == "axes"]
            if not axes or len(axes[0]) > 1:  # from operator set 18 on they are an input: taken for several
                names.append(node.name)
    return names
