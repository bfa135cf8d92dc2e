"""What of a model stays in f32 when the rest becomes f16. That CUDA computes it takes a GPU to see."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ocrspool.engine.runtimes.onnxruntime import half

ROWS: NDArray[np.float32] = np.linspace(-2, 2, 2 * 3 * 4 * 4, dtype=np.float32).reshape(2, 3, 4, 4)


def _model(opset: int) -> onnx.ModelProto:
    """x + 1, clipped, minus its mean along the last axis, plus its mean over the page."""
    limits = [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in (("low", 0), ("high", 2))]
    one = numpy_helper.from_array(np.array([1], np.float32), "one")
    nodes = [
        helper.make_node("Add", ["x", "one"], ["moved"], name="move"),
        helper.make_node("Clip", ["moved", "low", "high"], ["clipped"], name="clip"),
        helper.make_node("ReduceMean", ["clipped"], ["mean"], name="narrow", axes=[3], keepdims=1),
        helper.make_node("Sub", ["clipped", "mean"], ["centered"], name="center"),
        helper.make_node("ReduceMean", ["clipped"], ["whole"], axes=[2, 3], keepdims=1),  # without a name
        helper.make_node("Add", ["centered", "whole"], ["y"], name="sum"),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3, 4, 4]) for name in "xy"]
    graph = helper.make_graph(nodes, "small", ends[:1], ends[1:], [one, *limits])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def _in_f32(model: onnx.ModelProto) -> set[str]:
    """The operators that take what was cast to f32; of means, over how many axes."""
    wide = {
        node.output[0]
        for node in model.graph.node
        if node.op_type == "Cast" and node.attribute[0].i == TensorProto.FLOAT
    }
    found = set()
    for node in model.graph.node:
        if node.input[0] in wide:
            axes = [len(attribute.ints) for attribute in node.attribute if attribute.name == "axes"]
            found.add(" ".join([node.op_type, *map(str, axes)]))
    return found


@pytest.mark.parametrize(
    ("for_cuda", "opset", "kept"),
    [
        (True, 11, {"Clip", "ReduceMean 2"}),  # CUDA's Clip takes f16 from operator set 12 on
        (True, 13, {"ReduceMean 2"}),
        (False, 11, {"ReduceMean 1", "ReduceMean 2"}),
    ],
)
def test_what_stays_in_f32(for_cuda: bool, opset: int, kept: set[str]) -> None:  # noqa: FBT001
    model = half.halved(_model(opset), for_cuda=for_cuda)
    assert _in_f32(model) == kept


def _computed(model: onnx.ModelProto) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    answer: NDArray[np.float32] = session.run(None, {"x": ROWS})[0]
    return answer


def test_the_halved_model_computes_the_same() -> None:
    halved = _computed(half.halved(_model(11), for_cuda=True))
    np.testing.assert_allclose(halved, _computed(_model(11)), atol=2e-3)
    assert halved.dtype == np.float32
