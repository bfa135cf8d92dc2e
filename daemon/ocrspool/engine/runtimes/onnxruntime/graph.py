"""Edits an ONNX model so that pixels go in and little comes out. The only module that imports onnx; builds need it.

Its input becomes uint8 pixels [n, h, w, 3]; cast, normalization and the change of layout are its first nodes.
Recognition ends with the best class of each step: of 18,710 probabilities one leaves the device, which at 32 lines of
3200 pixels is 0.1 MB in place of 960.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, checker, helper, numpy_helper, shape_inference

from ocrspool.engine.runtimes.onnxruntime.execution_providers import INPUT
from ocrspool.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocrspool.engine.spec import NetSpec

    Halve = Callable[[onnx.ModelProto], onnx.ModelProto]

PixelType = Literal["uint8", "float32"]

OURS = "ocrspool."
"""What the names of our nodes and of the values between them begin with."""

_OLDEST_OPSET = 11  # TopK, which takes its sorting order as an attribute; Paddle2ONNX writes it by default
_SAFE_IR = 8
"""Every ONNX Runtime since 1.10 accepts this IR version (its compatibility table)."""


def edit(
    spec: NetSpec, path: Path, pixels: PixelType = "uint8", halve: Halve | None = None, *, lean: bool = False
) -> None:
    """Write the edited model of `spec` to `path`. Raise EngineError where it is not a model of its role.

    `pixels` float32 is for runtimes whose TensorRT takes no uint8: the same numbers 0 to 255, four times the bytes.
    `halve` puts the edited model into f16; whoever has a runtime has a converter for it. `lean` leaves out nodes that
    compute nothing: TensorRT 8.5 looks at every node some hundred times, half a second each.
    """
    model = _read(spec)
    graph = model.graph
    source = _only_input(spec, graph)
    opset = opset_of(model)
    if opset < _OLDEST_OPSET:
        raise EngineError(
            f"{spec.files[0]}: its operators are of set {opset}, and {_OLDEST_OPSET} is the oldest that can be edited",
            f"export the model with opset {_OLDEST_OPSET} or newer",
        )
    result = _only_output(spec, graph)
    first = _normalization(spec, graph, source, pixels)
    last = _ending(spec, graph, result, opset)
    nodes = [*first, *graph.node, *last]
    del graph.node[:]
    graph.node.extend(nodes)
    if lean:
        _leave_out_identities(graph)
    _infer(spec, model)
    if halve:
        model = _halved(spec, model, halve)
    _ = path.write_bytes(model.SerializeToString(deterministic=True))


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of ONNX's operators that a model was written with."""
    return int(next(entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}))


def _leave_out_identities(graph: onnx.GraphProto) -> None:
    """Let whoever reads what an Identity gives read what it takes. Constants become initializers."""
    outputs = {value.name for value in graph.output}
    passed_on: dict[str, str] = {}
    kept = []
    for node in graph.node:
        node.input[:] = [passed_on.get(name, name) for name in node.input]
        if node.op_type == "Identity" and node.output[0] not in outputs:
            passed_on[node.output[0]] = node.input[0]
        elif node.op_type == "Constant" and node.attribute[0].name == "value":
            graph.initializer.append(node.attribute[0].t)
            graph.initializer[-1].name = node.output[0]
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)


def holds_whole(context: Path, edited: Path) -> bool:
    """Whether the TensorRT provider's context model stands for the whole of an edited one: one node, same ends.

    The provider writes such a model for every part that it took; with nodes outside of it, it would be a torso.
    """
    whole, graph = onnx.load(context).graph, onnx.load(edited).graph
    ends = [[[value.name for value in values] for values in (it.input, it.output)] for it in (whole, graph)]
    return [node.op_type for node in whole.node] == ["EPContext"] and ends[0] == ends[1]


def _read(spec: NetSpec) -> onnx.ModelProto:
    path = spec.files[0]
    try:
        checker.check_model(path)  # by path, because then a damaged file is a ValidationError too
        model = onnx.load(path)
    except (OSError, checker.ValidationError) as error:
        raise EngineError(f"{path}: not a sound ONNX model ({error})", "install the model again") from error
    # The lowest version in which its operators may stand: whatever runtime knows these operators knows that version.
    # The files that come with rapidocr say 10 over operators of 2019, and ONNX Runtime 1.16 takes 9 at most.
    lowest = helper.find_min_ir_version_for(list(model.opset_import), ignore_unknown=True)
    model.ir_version = min(model.ir_version, max(lowest, _SAFE_IR))
    return model


def _halved(spec: NetSpec, model: onnx.ModelProto, halve: Halve) -> onnx.ModelProto:
    try:
        return halve(model)
    except (ValueError, TypeError, LookupError, AssertionError) as error:
        raise EngineError(f"{spec.files[0]}: cannot be halved ({error!r})", 'set engine.precision = "f32"') from error


def _only_input(spec: NetSpec, graph: onnx.GraphProto) -> ValueInfoProto:
    """Return the input of the model's pixels, [n, 3, h, w]."""
    constants = {constant.name for constant in graph.initializer}
    inputs: list[ValueInfoProto] = [value for value in graph.input if value.name not in constants]
    shapes = [_shape(value) for value in inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][1] not in {3, None}:  # noqa: PLR2004 - n, 3, h, w
        raise _misfit(spec, f"takes {shapes or 'nothing'} and not [n, 3, h, w]")
    return inputs[0]


def _only_output(spec: NetSpec, graph: onnx.GraphProto) -> ValueInfoProto:
    rank = {"detection": 4, "recognition": 3, "classifier": 2}[spec.role]
    outputs: list[ValueInfoProto] = list(graph.output)
    if len(outputs) != 1 or len(_shape(outputs[0])) != rank:
        raise _misfit(spec, f"gives {[_shape(value) for value in outputs]} and not one array of rank {rank}")
    return outputs[0]


def _misfit(spec: NetSpec, what: str) -> EngineError:
    return EngineError(f"{spec.files[0]}: no {spec.role} model of PP-OCR: it {what}", "name another model")


def _shape(value: ValueInfoProto) -> list[int | None]:
    """Return its dimensions, None where it may be anything (Paddle2ONNX writes -1, others a name)."""
    return [dim.dim_value if dim.dim_value > 0 else None for dim in value.type.tensor_type.shape.dim]


def _normalization(spec: NetSpec, graph: onnx.GraphProto, source: ValueInfoProto, pixels: PixelType) -> list[NodeProto]:
    """Put the pixels in the place of the model's input; return the nodes that lead from there to it.

    The cast comes first: it is the one thing TensorRT does with an uint8 input (NvInferRuntimeBase.h, kUINT8).
    """
    n, _, h, w = _shape(source)
    kind = TensorProto.UINT8 if pixels == "uint8" else TensorProto.FLOAT
    graph.input.remove(source)
    graph.input.insert(0, helper.make_tensor_value_info(INPUT, kind, [n or "n", h or "h", w or "w", 3]))
    for name, values in (("mean", spec.mean), ("std", spec.std)):
        graph.initializer.append(numpy_helper.from_array(np.array(values, np.float32), OURS + name))
    numbers = INPUT if pixels == "float32" else OURS + "numbers"
    cast = [helper.make_node("Cast", [INPUT], [numbers], name=OURS + "cast", to=TensorProto.FLOAT)]
    return [
        *(cast if numbers != INPUT else []),
        helper.make_node("Sub", [numbers, OURS + "mean"], [OURS + "centered"], name=OURS + "center"),
        helper.make_node("Div", [OURS + "centered", OURS + "std"], [OURS + "normalized"], name=OURS + "normalize"),
        helper.make_node("Transpose", [OURS + "normalized"], [source.name], name=OURS + "nchw", perm=[0, 3, 1, 2]),
    ]


def _ending(spec: NetSpec, graph: onnx.GraphProto, result: ValueInfoProto, opset: int) -> list[NodeProto]:
    """Replace the model's output by what the Net protocol states; return the nodes that make it.

    TopK and not ArgMax: it gives class and probability at once, ONNX Runtime has it for CUDA at every opset (ArgMax
    there ends with 11), and TensorRT makes the same layer of both.
    """
    if spec.role == "classifier":
        result.type.tensor_type.shape.dim[0].dim_param = "n"
        return []
    graph.output.remove(result)
    if spec.role == "detection":
        graph.output.append(helper.make_tensor_value_info("map", TensorProto.FLOAT, ["n", "map_h", "map_w"]))
        return [_squeeze(graph, result.name, "map", 1, opset)]
    graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), OURS + "one"))
    graph.output.append(helper.make_tensor_value_info("best", TensorProto.INT32, ["n", "steps"]))
    graph.output.append(helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n", "steps"]))
    top = [OURS + "top_probability", OURS + "top_class"]
    return [
        helper.make_node("TopK", [result.name, OURS + "one"], top, name=OURS + "top", axis=-1, largest=1, sorted=1),
        _squeeze(graph, top[0], "probability", 2, opset),
        _squeeze(graph, top[1], OURS + "best_int64", 2, opset),
        helper.make_node("Cast", [OURS + "best_int64"], ["best"], name=OURS + "best", to=TensorProto.INT32),
    ]


def _squeeze(graph: onnx.GraphProto, source: str, target: str, axis: int, opset: int) -> NodeProto:
    """Return a node that drops one axis of length 1; from opset 13 on the axis is an input."""
    name = f"{OURS}squeeze_{target.removeprefix(OURS)}"
    if opset < 13:  # noqa: PLR2004 - Squeeze-13
        return helper.make_node("Squeeze", [source], [target], name=name, axes=[axis])
    graph.initializer.append(numpy_helper.from_array(np.array([axis], np.int64), f"{name}_axis"))
    return helper.make_node("Squeeze", [source, f"{name}_axis"], [target], name=name)


def _infer(spec: NetSpec, model: onnx.ModelProto) -> None:
    """Check the edited model and state the shape of every value for which that is known.

    TensorRT's provider takes no part of a graph whose ends have none (a whole graph always has). What was stated
    before belongs to another input, so it is dropped first. Where the recognizer computes a shape from parts of
    another, inference ends; ONNX Runtime knows no more (104 of 488 values).
    """
    del model.graph.value_info[:]
    try:
        model.CopyFrom(shape_inference.infer_shapes(model, strict_mode=True, data_prop=True))
        checker.check_model(model)
    except (checker.ValidationError, shape_inference.InferenceError) as error:
        raise EngineError(f"{spec.files[0]}: cannot be edited ({error})", "name another model") from error
