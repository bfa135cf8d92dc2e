"""The graph that OpenVINO compiles: a model with pixels as input, and with the outputs that the Net protocol states."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ocrspool.engine.runtimes.openvino.fewer_passes import with_fewer_passes
from ocrspool.engine.runtimes.openvino.library import PrePostProcessor, openvino, operations

if TYPE_CHECKING:
    from ocrspool.engine.spec import NetSpec


def edited(core: openvino.Core, spec: NetSpec) -> openvino.Model:
    """Return the model with uint8 pixels [n, h, w, 3] as input and outputs as the Net protocol states them."""
    steps = PrePostProcessor(core.read_model(spec.files[0]))
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(openvino.Type.f32).mean(list(spec.mean)).scale(list(spec.std))
    model = steps.build()
    if spec.role == "detection":
        outputs = [operations.squeeze(with_fewer_passes(model), operations.constant([1]))]
    elif spec.role == "recognition":
        outputs = _best(model.outputs[0].get_node().input_value(0))
    else:
        outputs = [model.outputs[0].get_node().input_value(0)]
    return openvino.Model([operations.result(output) for output in outputs], model.get_parameters(), spec.name)


def _best(probabilities: openvino.Output) -> list[openvino.Output]:
    """Return the best class of each step and its probability, of [n, steps, classes].

    That is all that CTC decoding needs: 2 numbers leave the graph instead of 18,710. First the best block of classes,
    then the best within it: OpenVINO's TopK over all of them takes 5 % of the net's time, this none of it.
    """
    classes = probabilities.get_partial_shape()[2].get_length()
    size = classes // next(count for count in range(math.isqrt(classes), 0, -1) if classes % count == 0)
    blocks = operations.reshape(probabilities, operations.constant([0, 0, -1, size]), special_zero=True)
    _, block = _top(operations.reduce_max(blocks, operations.constant([-1])))
    probability, within = _top(operations.gather_nd(blocks, block, 2))
    last = operations.constant([-1])
    first = operations.multiply(block, operations.constant(size, dtype=np.int32))
    return [operations.squeeze(operations.add(first, within), last), operations.squeeze(probability, last)]


def _top(values: openvino.Output) -> tuple[openvino.Output, openvino.Output]:
    """Return the largest of the last dimension, and where it is; both keep that dimension."""
    one = operations.constant(1, dtype=np.int32)
    top = operations.topk(values, one, -1, "max", "none", index_element_type="i32")
    return top.output(0), top.output(1)
