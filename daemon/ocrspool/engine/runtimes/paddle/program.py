"""Edits to a model before it is compiled: recognition ends with the best class of each step.

That class and its probability are all that CTC decoding needs: 2 numbers leave the graph a step instead of 6,625 or
18,710 (at 16 lines of 200 steps 26 kB instead of 85 or 240 MB to copy from the device and to search).

Operators are appended by hand, not by Paddle's functions: `paddle.argmax` has no form for the older kind of program
in Paddle 3, and `save_inference_model` adds a scaling operator to each output. TensorRT 8 in Paddle 2.6 converts both:
arg_max along the last axis to int32 (op_teller.cc refuses axis 0, flattening, and other integers), and reduce_max.

Normalization stays outside. TensorRT in Paddle 2.6 takes no uint8 input, so pixels must become float32 on the host
anyway, and that is the same single pass with or without a mean (see predictor.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocrspool.engine.runtimes.paddle.library import paddle, quiet

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from ocrspool.engine.spec import Role

_INT32 = 2
"""VarType.INT32 of framework.proto."""


def edited(data: bytes, role: Role) -> bytes:
    """Return the program (contents of a .pdmodel) with outputs as the role wants them; its weights stay as they are.

    Raise ValueError where it is no program with one output.
    """
    if role != "recognition":
        return data
    older = getattr(
        getattr(paddle, "pir_utils", None), "OldIrGuard", quiet
    )  # Paddle 3 takes it for the newer kind else
    with quiet(), older(), _static():
        program = paddle.static.Program.parse_from_string(data)
        block = program.global_block()
        ends = [index for index, operator in enumerate(block.ops) if operator.type == "fetch"]
        if len(ends) != 1:
            raise ValueError(f"the program has {len(ends)} outputs in place of one")
        _reduce(block, ends[0])
        result: bytes = program.desc.serialize_to_string()
        return result


def _reduce(block: Any, end: int) -> None:  # noqa: ANN401  # Paddle's Block
    """Replace the output of probabilities [n, steps, classes] by class and probability [n, steps]."""
    scores = block.var(block.ops[end].input_arg_names[0])
    holder = block.var(block.ops[end].output_arg_names[0])
    block._remove_op(end)  # noqa: SLF001  # as paddle.static.normalize_program does
    best = block.create_var(name="best_class", shape=(*scores.shape[:-1], 1), dtype="int32")
    probability = block.create_var(name="best_probability", shape=(*scores.shape[:-1], 1), dtype="float32")
    block.append_op(
        type="arg_max",
        inputs={"X": scores},
        outputs={"Out": [best]},
        attrs={"axis": -1, "keepdims": True, "flatten": False, "dtype": _INT32},
    )
    block.append_op(
        type="reduce_max",
        inputs={"X": scores},
        outputs={"Out": [probability]},
        attrs={"dim": [-1], "keep_dim": True, "reduce_all": False},
    )
    for column, output in enumerate((best, probability)):
        block.append_op(type="fetch", inputs={"X": [output]}, outputs={"Out": [holder]}, attrs={"col": column})


def save_pir(model: Path, folder: Path, role: Role) -> None:
    """Write a model of the newer kind (.json and .pdiparams) into the folder, its outputs as the role wants them."""
    source, target = str(model.with_suffix("")), str(folder / "inference")
    executor = paddle.static.Executor(paddle.CPUPlace())
    with quiet(), paddle.pir_utils.IrGuard(), _static(), paddle.static.scope_guard(paddle.static.Scope()):
        program, _, outputs = paddle.static.load_inference_model(source, executor)
        inputs = [one.result(0) for one in program.global_block().ops if one.name() == "pd_op.data"]
        if role == "recognition":
            (scores,) = outputs
            with paddle.static.program_guard(program):
                outputs = [paddle.argmax(scores, axis=-1, dtype="int32"), paddle.max(scores, axis=-1)]
        paddle.static.save_inference_model(target, inputs, outputs, executor, program=program)


class _static:  # noqa: N801  # used like a function
    """Paddle's static mode, which is one per process; left again if it was not on."""

    def __enter__(self) -> None:
        self._dynamic = paddle.in_dynamic_mode()
        paddle.enable_static()

    def __exit__(self, *_: object) -> None:
        if self._dynamic:
            paddle.disable_static()
