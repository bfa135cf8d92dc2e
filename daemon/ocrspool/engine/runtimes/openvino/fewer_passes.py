"""The same detection net, written such that it goes fewer times over the map of a page.

A page's map has a million places. On a CPU, each step that OpenVINO cannot join to the step before costs a pass over
memory. A third of a DB detection net's time are such passes (docs/lab/performance.md). Each change here is exact but
for rounding. What is not of the form that is looked for stays as it is, so any model may be given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ocrspool.engine.runtimes.openvino.library import openvino, operations

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ONCE: dict[str, Any] = {"strides": [1, 1], "pads_begin": [0, 0], "pads_end": [0, 0], "dilations": [1, 1]}
"""A convolution that looks at each place for itself."""
_DOUBLING = 2
"""The side of the block that a place becomes in the net's last layers."""


def with_fewer_passes(model: openvino.Model) -> openvino.Output:
    """Change the model, and return what its first output is now, as [n, 1, h, w]."""
    for identity in _steps(model, "Identity"):
        _replace(identity, identity.input_value(0))
    for add in _steps(model, "Add"):
        _gate_once(add)
    for convolution in _steps(model, "Convolution"):
        _without_concatenation(convolution)
    last = model.outputs[0].get_node().input_value(0)
    folded, side = _folded(last)
    return last if side == 1 else operations.depth_to_space(folded, "blocks_first", side).output(0)


def _steps(model: openvino.Model, kind: str) -> list[openvino.Node]:
    return [node for node in model.get_ordered_ops() if node.get_type_name() == kind]


def _gate_once(add: openvino.Node) -> None:
    """Make x * (gate + 1) of x + x * gate, where the gate is one number for each channel: one pass instead of two."""
    for product, x in ((add.input_value(0), add.input_value(1)), (add.input_value(1), add.input_value(0))):
        node = product.get_node()
        if node.get_type_name() != "Multiply":
            continue
        for same, gate in ((node.input_value(0), node.input_value(1)), (node.input_value(1), node.input_value(0))):
            if same == x and _is_of_channels(gate):
                more = operations.add(gate, operations.constant(np.float32(1)))
                _replace(add, operations.multiply(x, more).output(0))
                return


def _is_of_channels(value: openvino.Output) -> bool:
    """Return whether a value [n, channels, 1, 1] has one number for each channel."""
    shape = value.get_partial_shape()
    return shape.rank.is_static and len(shape) == 4 and all(shape[axis] == 1 for axis in (2, 3))  # noqa: PLR2004


def _without_concatenation(convolution: openvino.Node) -> None:
    """Add what convolutions of the parts yield, instead of a convolution of all parts that were put together before.

    OpenVINO adds while it convolves. To put channels beside each other is a pass for itself.
    """
    joined = convolution.input_value(0).get_node()
    weights = _constant(convolution.input_value(1))
    if joined.get_type_name() != "Concat" or weights is None or len(joined.output(0).get_target_inputs()) > 1:
        return
    channels = [part.get_partial_shape()[1] for part in joined.input_values()]
    if joined.get_axis() != 1 or any(count.is_dynamic for count in channels):
        return
    edges = np.cumsum([count.get_length() for count in channels])[:-1]
    attributes = convolution.get_attributes()
    total = None
    for part, some in zip(joined.input_values(), np.split(weights, edges, axis=1), strict=True):
        seen = _convolved(part, some, **{name: attributes[name] for name in (*_ONCE, "auto_pad")})
        total = seen if total is None else operations.add(total, seen).output(0)
    assert total is not None  # noqa: S101 - Concat has inputs
    _replace(convolution, total)


def _folded(value: openvino.Output) -> tuple[openvino.Output, int]:
    """Return a value [n, c, h, w] as [n, s * s * c, h / s, w / s], and s.

    A place of the result has the values of a block of s * s places, row by row. A transposed convolution that makes
    2 * 2 places of each is a plain convolution then, and the steps after it need no more passes than before it. s is 1
    where a value does not come from such a convolution.
    """
    node = value.get_node()
    kind = node.get_type_name()
    if kind in {"Relu", "Sigmoid"}:
        before, side = _folded(node.input_value(0))
        same = operations.relu if kind == "Relu" else operations.sigmoid
        return (same(before).output(0), side) if side > 1 else (value, 1)
    if kind == "Add" and (bias := _constant(node.input_value(1))) is not None and bias.shape[2:] == (1, 1):
        before, side = _folded(node.input_value(0))
        repeated = operations.constant(np.tile(bias, (1, side * side, 1, 1)))
        return (operations.add(before, repeated).output(0), side) if side > 1 else (value, 1)
    weights = _constant(node.input_value(1)) if _doubles(node) else None
    if weights is None:
        return value, 1
    before, side = _folded(node.input_value(0))
    return _convolved(before, _of_blocks(weights, side), **_ONCE), side * _DOUBLING


def _doubles(node: openvino.Node) -> bool:
    """Return whether a step makes a block of 2 * 2 places of each place, which no other place has a part in."""
    if node.get_type_name() != "ConvolutionBackpropData" or len(node.inputs()) > 2:  # noqa: PLR2004
        return False
    kernel = list(node.input_value(1).get_shape())[2:]
    given = node.get_attributes()
    padded = any(given.get(name) and any(given[name]) for name in ("pads_begin", "pads_end", "output_padding"))
    return kernel == list(given["strides"]) == [_DOUBLING] * 2 and not padded


def _of_blocks(weights: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return the weights of a doubling [in, out, 2, 2] as those of a plain convolution of values that are folded."""
    inner, outer = weights.shape[:2]
    wide = side * _DOUBLING
    result = np.zeros((wide, wide, outer, side, side, inner), np.float32)
    for y, x, down, across in np.ndindex(side, side, _DOUBLING, _DOUBLING):
        result[y * _DOUBLING + down, x * _DOUBLING + across, :, y, x] = weights[:, :, down, across].T
    return result.reshape(wide * wide * outer, side * side * inner, 1, 1)


def _convolved(value: openvino.Output, weights: NDArray[np.float32], **how: Any) -> openvino.Output:  # noqa: ANN401
    return operations.convolution(value, operations.constant(np.ascontiguousarray(weights)), **how).output(0)


def _constant(value: openvino.Output) -> NDArray[np.float32] | None:
    """Return the numbers of a constant, None for what is computed."""
    node = value.get_node()
    return node.get_data() if node.get_type_name() == "Constant" else None


def _replace(node: openvino.Node, other: openvino.Output) -> None:
    """Give whatever takes a node's output the other one."""
    for user in list(node.output(0).get_target_inputs()):
        user.replace_source_output(other)
