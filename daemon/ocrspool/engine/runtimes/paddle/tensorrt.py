"""TensorRT for programs (.pdmodel), as in Paddle 2.6: built once into `trt_serialized_*`, loaded ever after.

    inference.pdmodel, inference.pdiparams   the model, edited by program.py
    shapes.pbtxt                             ranges of all its tensors, collected on the CPU
    shapes-load.pbtxt                        the same, made such that nothing can be built with them
    tensorrt/trt_serialized_<number>         the engine

Paddle's own test of an engine is that the file of this name exists, and the name is a hash of the graph's names, batch
and precision. It says nothing of weights, shapes, GPU or TensorRT; the fingerprint does.

What loading does about an engine that would have to be built:

- A file is missing: it is looked for before.
- TensorRT refuses the file: Paddle is given ranges with which it cannot build (see shapes.unbuildable).
- A shape is outside the profile: that is a ValueError, because no net may build at run time.
- Paddle builds all the same: this is noticed, because files of the folder have changed.
- TensorRT takes a file that computes something else: the known page shows that, and nothing here does.

Ranges are collected on the CPU. Paddle 2.6 has no kernels for compute capability 9.0, and on such a GPU it returns
wrong numbers without an error. For the same reason it may not compute parts of the net there: an engine is refused
unless all of the net is in it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ocrspool.engine.file_stamps import stamps
from ocrspool.engine.runtimes.paddle import predictor as predictors
from ocrspool.engine.runtimes.paddle import shapes
from ocrspool.engine.runtimes.paddle.library import inference, paddle
from ocrspool.engine.runtimes.paddle.predictor import FAILURES, configured, created, run, unbuilt
from ocrspool.errors import EngineError, EngineMissingError

if TYPE_CHECKING:
    from pathlib import Path

    from ocrspool.engine.spec import NetSpec
    from ocrspool.engine_request import Settings

_SMALLEST_PART = 3
"""Operators that are worth a part of their own; Paddle's default."""
_AROUND = frozenset({"feed", "fetch", "tensorrt_engine"})
"""The operators that are left of a program if TensorRT has taken the whole of it."""

_MODEL, _RANGES, _RANGES_TO_LOAD, _ENGINE = "inference.pdmodel", "shapes.pbtxt", "shapes-load.pbtxt", "tensorrt"


def build(spec: NetSpec, folder: Path, settings: Settings) -> None:
    """Build the engine of the model that lies in the folder: one CPU core, minutes. Raise EngineError."""
    try:
        name = collect(spec, folder, settings)
        ranges = (folder / _RANGES).read_text("ascii")
        (folder / _RANGES_TO_LOAD).write_text(shapes.unbuildable(ranges, name), "ascii")
        # This kind of predictor shows its program; the one that runs it does not.
        built = paddle.base.core.create_paddle_predictor(_configured(spec, folder, settings, _RANGES))
        _require_whole(spec, folder, _operators(built))
        del built
        loaded = load(spec, folder, settings)
        for shape in sorted(set(shapes.collected(spec.profile))):
            run(loaded, np.zeros(shape, np.float32))
    except FAILURES as error:
        raise unbuilt(spec, error) from error


def collect(spec: NetSpec, folder: Path, settings: Settings) -> str:
    """Run the model on the CPU in the shapes of its profile; write the ranges. Return the name of its input."""
    config = configured(folder / _MODEL, replace(settings, device="cpu"))
    config.collect_shape_range_info(str(folder / _RANGES))
    predictor = created(config)
    for shape in shapes.collected(spec.profile):
        run(predictor, np.zeros(shape, np.float32))
    (name,) = predictor.get_input_names()
    del predictor  # writes the file
    return str(name)


def require_files(spec: NetSpec, folder: Path) -> None:
    """Raise EngineMissingError where a part is missing without which Paddle would build."""
    missing = [name for name in (_RANGES_TO_LOAD,) if not (folder / name).is_file()]
    count = len(_engines(folder))
    if count == 0:
        missing.append(f"{_ENGINE}/trt_serialized_*")
    if missing or count != 1:
        what = f"{' and '.join(missing)} missing" if missing else f"{count} TensorRT engines in place of one"
        raise EngineMissingError(f"no engine of {spec.name} in {folder}: {what}", "run `ocrspool prebuild`")


def load(spec: NetSpec, folder: Path, settings: Settings) -> Any:  # noqa: ANN401  # Paddle's Predictor
    """Return the predictor of an engine. Raise EngineMissingError rather than build; see the module's text."""
    require_files(spec, folder)
    before = stamps(folder)
    predictor = predictors.load(spec, _configured(spec, folder, settings, _RANGES_TO_LOAD))
    if stamps(folder) != before:
        raise EngineMissingError(
            f"Paddle built the engine of {spec.name} in {folder} instead of loading it", "run `ocrspool prebuild`"
        )
    return predictor


def _configured(spec: NetSpec, folder: Path, settings: Settings, ranges: str) -> Any:  # noqa: ANN401  # Paddle's Config
    """Return the configuration: building and loading must agree in all but the ranges, which are no part of the key."""
    config = configured(folder / _MODEL, settings)
    (folder / _ENGINE).mkdir(exist_ok=True)
    config.set_optim_cache_dir(str(folder / _ENGINE))
    half = settings.precision == "f16"
    config.enable_tensorrt_engine(
        workspace_size=settings.workspace_mb << 20,
        max_batch_size=spec.profile.maximum[0],
        min_subgraph_size=_SMALLEST_PART,
        precision_mode=inference.PrecisionType.Half if half else inference.PrecisionType.Float32,
        use_static=True,
        use_calib_mode=False,
    )
    config.enable_tuned_tensorrt_dynamic_shape(str(folder / ranges), False)  # noqa: FBT003  # no building at run time
    return config


def _engines(folder: Path) -> list[Path]:
    return sorted((folder / _ENGINE).glob("trt_serialized_*"))


def _operators(predictor: Any) -> list[str]:  # noqa: ANN401  # Paddle's AnalysisPredictor
    """Return the kind of each operator in the program as the predictor runs it."""
    block = predictor.program().block(0)  # lives as long as the predictor
    return [block.op(index).type() for index in range(block.op_size())]


def _require_whole(spec: NetSpec, folder: Path, operators: list[str]) -> None:
    """Raise EngineError unless all of the net went into one engine."""
    outside = [kind for kind in operators if kind not in _AROUND]
    parts, files = operators.count("tensorrt_engine"), len(_engines(folder))
    if parts == 1 and files == 1 and not outside:
        return
    what = f"{len(outside)} operators outside ({', '.join(sorted(set(outside)))})" if outside else "nothing outside"
    raise EngineError(
        f"{spec.name} became {parts} TensorRT engines ({files} files) with {what}; what is outside would be computed "
        f"by kernels of Paddle {paddle.__version__}, which returns wrong numbers on a GPU that it has none for",
        'use another model, or engine.runtime = "onnxruntime"',
    )
