"""A detection net that is written otherwise finds the same."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ocrspool.engine.models import model_set
from ocrspool.engine.runtimes.openvino.fewer_passes import with_fewer_passes
from ocrspool.engine.runtimes.openvino.graph import edited
from ocrspool.engine.runtimes.openvino.library import openvino, operations
from support import drawn_pages

pytestmark = pytest.mark.engine

CHANNELS = 6
SHAPE = (2, CHANNELS, 8, 12)
RANDOM = np.random.default_rng(5)


def numbers(*shape: int) -> NDArray[np.float32]:
    return RANDOM.normal(size=shape).astype(np.float32)


def computed(model: openvino.Model, given: NDArray[Any]) -> NDArray[np.float32]:
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(compiled([given])[0])


def kinds(model: openvino.Model) -> list[str]:
    return [node.get_type_name() for node in model.get_ordered_ops()]


def drawn() -> Any:  # noqa: ANN401 - openvino has no types
    return operations.parameter([-1, CHANNELS, -1, -1], np.float32)


def rewritten(model: openvino.Model) -> openvino.Model:
    return openvino.Model([operations.result(with_fewer_passes(model))], model.get_parameters(), "rewritten")


def doubled(value: Any, out: int, strides: tuple[int, int] = (2, 2)) -> Any:  # noqa: ANN401
    channels = value.output(0).get_partial_shape()[1].get_length()
    weights = operations.constant(numbers(channels, out, 2, 2))
    return operations.convolution_backprop_data(value, weights, list(strides))


def with_bias(value: Any) -> Any:  # noqa: ANN401
    channels = value.output(0).get_partial_shape()[1].get_length()
    return operations.add(value, operations.constant(numbers(1, channels, 1, 1)))


def head(start: Any) -> Any:  # noqa: ANN401
    """The end of a DB net: twice the size, twice again, and a probability."""
    larger = operations.relu(with_bias(doubled(start, 5)))
    return operations.sigmoid(with_bias(doubled(larger, 1)))


def gated(start: Any, *, swapped: bool) -> Any:  # noqa: ANN401
    gate = operations.sigmoid(operations.reduce_mean(start, operations.constant([2, 3]), keep_dims=True))
    product = operations.multiply(gate, start) if swapped else operations.multiply(start, gate)
    return operations.add(product, start) if swapped else operations.add(start, product)


def joined(start: Any) -> Any:  # noqa: ANN401
    both = operations.concat([operations.relu(start), operations.sigmoid(start), start], 1)
    weights = operations.constant(numbers(4, 3 * CHANNELS, 3, 3))
    return operations.convolution(both, weights, [2, 2], [1, 1], [1, 1], [1, 1])


FORMS = {
    "head": (head, {"ConvolutionBackpropData"}),
    "gate": (lambda start: gated(start, swapped=False), set()),
    "gate, the other way round": (lambda start: gated(start, swapped=True), set()),
    "concatenation": (joined, {"Concat"}),
    "all": (lambda start: head(joined(gated(start, swapped=False))), {"ConvolutionBackpropData", "Concat"}),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_numbers_come_out(form: str) -> None:
    make, gone = FORMS[form]
    start = drawn()
    model = openvino.Model([operations.result(make(start))], [start], form)
    given = numbers(*SHAPE)
    expected = computed(model, given)
    other = rewritten(model)
    assert computed(other, given) == pytest.approx(expected, abs=1e-4)
    assert not gone & set(kinds(other))


def test_a_gate_takes_one_pass() -> None:
    start = drawn()
    model = rewritten(openvino.Model([operations.result(gated(start, swapped=False))], [start], "gate"))
    last = model.outputs[0].get_node().input_value(0).get_node()
    assert last.get_type_name() == "Multiply"


OTHERS = {
    "overlapping blocks": lambda start: doubled(start, 1, strides=(1, 1)),
    "a gate for each place": lambda start: operations.add(start, operations.multiply(start, operations.sigmoid(start))),
    "a sum of others": lambda start: operations.add(start, operations.multiply(operations.relu(start), start)),
    "put together, and used twice": lambda start: twice(operations.concat([start, start], 1)),
}


def twice(both: Any) -> Any:  # noqa: ANN401
    weights = operations.constant(numbers(2 * CHANNELS, 2 * CHANNELS, 1, 1))
    return operations.add(operations.convolution(both, weights, [1, 1], [0, 0], [0, 0], [1, 1]), both)


@pytest.mark.parametrize("form", OTHERS)
def test_other_forms_stay_as_they_are(form: str) -> None:
    start = drawn()
    model = openvino.Model([operations.result(OTHERS[form](start))], [start], form)
    before = kinds(model)
    given = numbers(*SHAPE)
    expected = computed(model, given)
    other = rewritten(model)
    assert kinds(other) == before
    assert computed(other, given) == pytest.approx(expected, abs=1e-5)


def test_the_bundled_net_finds_the_same() -> None:
    spec = model_set.bundled().detection
    page = cv2.imdecode(np.frombuffer(drawn_pages.png("Total 12.30"), np.uint8), cv2.IMREAD_COLOR)
    assert page is not None
    pixels = cv2.resize(page, (640, 320))[None]
    normal = (pixels.astype(np.float32) - spec.mean) / spec.std
    expected = computed(openvino.Core().read_model(spec.files[0]), normal.transpose(0, 3, 1, 2))[:, 0]
    other = edited(openvino.Core(), spec)
    assert computed(other, pixels) == pytest.approx(expected, abs=1e-4)
    assert expected.max() > 0.5
    assert not {"ConvolutionBackpropData", "Concat", "Identity"} & set(kinds(other))
