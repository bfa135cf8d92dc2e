"""What goes into an edited model and what comes out, and that it computes what the original did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from ocrspool.engine.models import model_set
from ocrspool.engine.runtimes.onnxruntime import graph
from ocrspool.engine.spec import NetSpec, Role, ShapeProfile
from ocrspool.errors import EngineError

BUNDLED = model_set.bundled()
PROFILE = ShapeProfile((1, 8, 8, 3), (1, 8, 8, 3), (1, 8, 8, 3))
MEAN, STD = (10.0, 20.0, 30.0), (2.0, 4.0, 8.0)
RNG = np.random.default_rng(7)
PIXELS = RNG.integers(0, 256, (2, 5, 7, 3), np.uint8)


def _small(folder: Path, role: Role, opset: int = 11, ir: int = 10) -> NetSpec:
    """A model of that role with an ending like PP-OCR's and nothing to it: it picks numbers out of its input.

    detection: the first channel. recognition: the first row, its channels as classes. classifier: two corners' reds.
    """
    indices = {"detection": [0], "recognition": 0, "classifier": [0, 1]}[role]
    constants = [numpy_helper.from_array(np.array(indices, np.int64), "indices")]
    if role == "detection":
        nodes = [helper.make_node("Gather", ["x", "indices"], ["y"], axis=1)]
        shape: list[int | str] = ["n", 1, "h", "w"]
    elif role == "recognition":
        nodes = [
            helper.make_node("Gather", ["x", "indices"], ["row"], axis=2),
            helper.make_node("Transpose", ["row"], ["y"], perm=[0, 2, 1]),
        ]
        shape = ["n", "w", 3]
    else:
        nodes = [
            helper.make_node("Flatten", ["x"], ["all"]),
            helper.make_node("Gather", ["all", "indices"], ["y"], axis=1),
        ]
        shape = ["n", 2]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
    folder.mkdir(exist_ok=True)
    path = folder / f"{role}.onnx"
    onnx.save(model, path)
    return NetSpec(role, role, (path,), MEAN, STD, PROFILE)


def _edited(spec: NetSpec, folder: Path, pixels: graph.PixelType = "uint8") -> Path:
    path = folder / f"{spec.name}-edited.onnx"
    graph.edit(spec, path, pixels)
    return path


def _run(path: Path, pixels: NDArray[Any]) -> list[NDArray[Any]]:
    """Run a model with the interpreter that the ONNX standard comes with."""
    return list(ReferenceEvaluator(str(path)).run(None, {"pixels": pixels}))


def _normalized() -> NDArray[np.float32]:
    mean, std = (np.array(values, np.float32) for values in (MEAN, STD))
    normalized: NDArray[np.float32] = (PIXELS.astype(np.float32) - mean) / std
    return normalized


@pytest.mark.parametrize("opset", [11, 13, 17])
def test_detection_gives_a_map_of_normalized_pixels(tmp_path: Path, opset: int) -> None:
    (found,) = _run(_edited(_small(tmp_path, "detection", opset), tmp_path), PIXELS)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, _normalized()[..., 0])


@pytest.mark.parametrize("opset", [11, 13, 17])
def test_recognition_gives_the_best_class_of_each_step_and_its_probability(tmp_path: Path, opset: int) -> None:
    best, probability = _run(_edited(_small(tmp_path, "recognition", opset), tmp_path), PIXELS)
    row = _normalized()[:, 0]
    assert best.dtype == np.int32
    assert probability.dtype == np.float32
    np.testing.assert_array_equal(best, row.argmax(-1))
    np.testing.assert_array_equal(probability, row.max(-1))


def test_a_lean_model_computes_the_same_with_fewer_nodes(tmp_path: Path) -> None:
    """Nodes that pass a value on are left out, one after the other too; constants become initializers."""
    spec = _small(tmp_path, "detection")
    model = onnx.load(spec.files[0])
    first = model.graph.node[0]
    for name, given in (("again", "x"), ("once_more", "again")):
        model.graph.node.insert(0 if given == "x" else 1, helper.make_node("Identity", [given], [name]))
    first = next(node for node in model.graph.node if node.op_type != "Identity")
    first.input[0] = "once_more"
    onnx.save(model, spec.files[0])
    whole, lean = tmp_path / "whole.onnx", tmp_path / "lean.onnx"
    graph.edit(spec, whole)
    graph.edit(spec, lean, lean=True)
    kinds = [node.op_type for node in onnx.load(lean).graph.node]
    assert "Identity" not in kinds
    assert len(kinds) == len(onnx.load(whole).graph.node) - 2
    np.testing.assert_array_equal(_run(lean, PIXELS)[0], _run(whole, PIXELS)[0])


def test_a_classifier_keeps_its_end(tmp_path: Path) -> None:
    (found,) = _run(_edited(_small(tmp_path, "classifier"), tmp_path), PIXELS)
    np.testing.assert_array_equal(found, _normalized()[:, 0, :2, 0])


@pytest.mark.parametrize("role", ["detection", "recognition", "classifier"])
def test_pixels_as_floats_make_no_difference(tmp_path: Path, role: Role) -> None:
    spec = _small(tmp_path, role)
    bytes_in = _run(_edited(spec, tmp_path), PIXELS)
    floats_in = _run(_edited(spec, tmp_path, "float32"), PIXELS.astype(np.float32))
    for one, other in zip(bytes_in, floats_in, strict=True):
        np.testing.assert_array_equal(one, other)


def _ends(values: Any) -> list[tuple[str, int, list[int | str]]]:  # noqa: ANN401  # a protobuf list
    return [
        (value.name, value.type.tensor_type.elem_type, [it.dim_value or it.dim_param for it in _dims(value)])
        for value in values
    ]


def _dims(value: onnx.ValueInfoProto) -> Any:  # noqa: ANN401  # a protobuf list
    return value.type.tensor_type.shape.dim


@pytest.mark.parametrize("spec", [*BUNDLED], ids=lambda spec: spec.role)
def test_a_bundled_model_takes_bytes_and_gives_little(spec: NetSpec, tmp_path: Path) -> None:
    graph = onnx.load(_edited(spec, tmp_path)).graph
    ((name, kind, shape),) = _ends(graph.input)
    assert (name, kind) == ("pixels", TensorProto.UINT8)
    assert shape == ["n", 48 if spec.role == "recognition" else "h", "w", 3]
    expected = {
        "detection": [(TensorProto.FLOAT, 3)],
        "recognition": [(TensorProto.INT32, 2), (TensorProto.FLOAT, 2)],
        "classifier": [(TensorProto.FLOAT, 2)],
    }[spec.role]
    assert [(kind, len(shape)) for _, kind, shape in _ends(graph.output)] == expected
    assert not any(dim.dim_value > 3 for value in graph.output for dim in _dims(value))


@pytest.mark.parametrize("spec", [*BUNDLED], ids=lambda spec: spec.role)
def test_shapes_are_stated_anew(spec: NetSpec, tmp_path: Path) -> None:
    """Of our own values all, up to the model's first node; of the ends their rank; none left from the model's own."""
    graph = onnx.load(_edited(spec, tmp_path)).graph
    shapes = {value.name: shape for value, (_, _, shape) in zip(graph.value_info, _ends(graph.value_info), strict=True)}
    assert shapes["ocrspool.numbers"] == shapes["ocrspool.normalized"] == _ends(graph.input)[0][2]
    n, h, w, _ = shapes["ocrspool.numbers"]
    (original,) = _ends(onnx.load(spec.files[0]).graph.input)
    assert shapes[original[0]] == [n, 3, h, w]
    assert not any("DynamicDimension" in str(shape) for shape in shapes.values())


@pytest.mark.parametrize("spec", [*BUNDLED], ids=lambda spec: spec.role)
def test_bundled_models_come_out_in_an_ir_that_old_runtimes_know(spec: NetSpec, tmp_path: Path) -> None:
    """ONNX Runtime 1.16, the last for CUDA 11.8 that pip has, takes version 9 at most; two of the files say 10."""
    assert onnx.load(_edited(spec, tmp_path)).ir_version <= 8


@pytest.mark.parametrize(
    ("opset", "before", "after"), [(11, 10, 8), (11, 7, 7), (17, 10, 8), (19, 10, 9), (21, 10, 10)]
)
def test_the_ir_version_is_lowered_as_far_as_the_operators_allow(
    tmp_path: Path, opset: int, before: int, after: int
) -> None:
    assert onnx.load(_edited(_small(tmp_path, "detection", opset, before), tmp_path)).ir_version == after


def test_the_same_model_is_edited_into_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "1.onnx", tmp_path / "2.onnx"
    for path in (first, second):
        graph.edit(BUNDLED.recognition, path)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("kept", [0, 1000, 500_000])
def test_a_damaged_model_is_refused_by_name(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "short.onnx"
    path.write_bytes(BUNDLED.classifier.files[0].read_bytes()[:kept])
    spec = NetSpec("classifier", "short", (path,), MEAN, STD, PROFILE)
    with pytest.raises(EngineError, match=r"short\.onnx"):
        graph.edit(spec, tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()


@pytest.mark.parametrize(("role", "given"), [("recognition", "classifier"), ("detection", "recognition")])
def test_a_model_of_another_role_is_refused(tmp_path: Path, role: Role, given: Role) -> None:
    spec = NetSpec(role, "other", _small(tmp_path, given).files, MEAN, STD, PROFILE)
    with pytest.raises(EngineError, match=f"no {role} model"):
        graph.edit(spec, tmp_path / "out.onnx")


def test_operators_older_than_can_be_edited_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="of set 9"):
        graph.edit(_small(tmp_path, "recognition", 9), tmp_path / "out.onnx")


def _context(folder: Path, operators: list[str], inputs: list[str]) -> Path:
    """A stand-in for what ONNX Runtime's TensorRT provider writes, which needs a GPU."""
    names = [*inputs, *(f"value{number}" for number in range(len(operators) - 1)), "map"]
    nodes = [
        helper.make_node(operator, [names[number]], [names[number + 1]], domain="com.microsoft")
        for number, operator in enumerate(operators)
    ]
    graph = helper.make_graph(
        nodes,
        "context",
        [helper.make_tensor_value_info(name, TensorProto.UINT8, ["n", "h", "w", 3]) for name in inputs],
        [helper.make_tensor_value_info("map", TensorProto.FLOAT, ["n", "h", "w"])],
    )
    onnx.save(helper.make_model(graph), folder / "context.onnx")
    return folder / "context.onnx"


@pytest.mark.parametrize(
    ("operators", "inputs", "whole"),
    [
        (["EPContext"], ["pixels"], True),
        (["EPContext"], ["ocrspool.numbers"], False),
        (["Cast", "EPContext"], ["pixels"], False),
        (["EPContext", "EPContext"], ["pixels"], False),
    ],
)
def test_a_context_model_is_whole_if_it_has_one_node_and_the_same_ends(
    tmp_path: Path, operators: list[str], inputs: list[str], *, whole: bool
) -> None:
    edited = _edited(_small(tmp_path, "detection"), tmp_path)
    assert graph.holds_whole(_context(tmp_path, operators, inputs), edited) is whole
