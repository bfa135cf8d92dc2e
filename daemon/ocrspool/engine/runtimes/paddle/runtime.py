"""Builds and loads engines of PaddlePaddle's own inference library: on a CPU, by CUDA kernels, or through TensorRT.

PaddleOCR and PaddleX are not used. Their runner takes any two files for a valid cache, overwrites the TensorRT settings
of its caller, and on a CPU calls what Paddle 2.6 does not have. A net is one configuration and one predictor here.

| model                   | Paddle  | cpu and cuda | tensorrt    |
|-------------------------|---------|--------------|-------------|
| program (.pdmodel)      | 2.6, 3  | predictor.py | tensorrt.py |
| newer kind (PIR, .json) | 3       | predictor.py | pir.py      |

An engine folder holds the model as it is run (`inference.pdmodel` or `.json`, edited by program.py, and
`inference.pdiparams`). What TensorRT made of it lies beside it. library.py is the one place that imports Paddle.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from ocrspool.engine.runtimes.paddle import pir, predictor, program, tensorrt
from ocrspool.engine.runtimes.paddle.library import require
from ocrspool.engine.runtimes.paddle.predictor import PaddleNet
from ocrspool.errors import EngineMissingError

if TYPE_CHECKING:
    from pathlib import Path

    from ocrspool.engine.spec import NetSpec
    from ocrspool.engine_request import Settings


def build(spec: NetSpec, folder: Path, settings: Settings) -> None:
    """Make the engine of a model in `folder`, where it will stay. Raise EngineError.

    On a CPU and by CUDA kernels that is a copy of the edited model: seconds at most. TensorRT takes minutes.
    """
    _reachable(spec, settings)
    model = spec.files[0]
    copy = folder / f"inference{model.suffix}"
    try:
        if model.suffix == ".json":
            program.save_pir(model, folder, spec.role)
        else:
            copy.write_bytes(program.edited(model.read_bytes(), spec.role))
            shutil.copyfile(model.with_suffix(".pdiparams"), copy.with_suffix(".pdiparams"))
        predictor.created(predictor.configured(copy, replace(settings, device="cpu")))  # what is damaged fails here
    except predictor.FAILURES as error:
        raise predictor.unbuilt(spec, error) from error
    if settings.provider == "tensorrt":
        (pir if model.suffix == ".json" else tensorrt).build(spec, folder, settings)


def load(spec: NetSpec, folder: Path, settings: Settings) -> PaddleNet:
    """Load what `build` left in `folder`; nothing is ever built here.

    Raise EngineMissingError if it is not there or does not fit, DeviceMemoryError or DeviceLostError if it is the
    device's fault, EngineError otherwise.
    """
    model = folder / f"inference{spec.files[0].suffix}"
    missing = [path.name for path in (model, folder / "inference.pdiparams") if not path.is_file()]
    if missing:
        raise EngineMissingError(
            f"no engine of {spec.name} in {folder}: {' and '.join(missing)} missing", "run `ocrspool prebuild`"
        )
    if settings.provider == "tensorrt":
        module = pir if model.suffix == ".json" else tensorrt
        module.require_files(spec, folder)
        _reachable(spec, settings)
        return PaddleNet(spec, settings, module.load(spec, folder, settings))
    _reachable(spec, settings)
    return PaddleNet(spec, settings, predictor.load(spec, predictor.configured(model, settings)))


def _reachable(spec: NetSpec, settings: Settings) -> None:
    """Raise EngineError where this Paddle cannot compute what is asked of it. Paddle itself would not say so."""
    require(settings.provider, pir=spec.files[0].suffix == ".json")
