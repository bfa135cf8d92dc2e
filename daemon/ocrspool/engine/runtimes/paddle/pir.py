"""TensorRT in Paddle 3, for models of the newer kind (.json): converted once, loaded ever after. Read, not run.

No machine with Paddle 3, CUDA 11.8 and TensorRT 8 was available. The module follows the sources of Paddle 3.3
(python/paddle/tensorrt/export.py, converter.py) and of PaddleX 3.7 (paddle_static/runner.py). The tests have a stub of
paddle.tensorrt.

    inference.json, inference.pdiparams        the model, edited by program.py
    trt/inference.json, trt/inference.pdiparams   the converted program
    trt/inference/engine_<hash>_<number>.trt   engines; their absolute paths stand in trt/inference.json

So an engine works only where it was built. The first run opens it, and not the creation of the predictor; `load` makes
that run. Loading builds nothing: the converter is Python code that only `build` imports, and Paddle's predictor cannot
call it. Paddle does not notice a shape outside the profile, and its result is not defined. Callers keep to the profile.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ocrspool.engine.runtimes.paddle import predictor as predictors
from ocrspool.engine.runtimes.paddle.predictor import FAILURES, configured, run, unbuilt, unusable
from ocrspool.engine.runtimes.paddle.shapes import planes
from ocrspool.errors import EngineError, EngineMissingError

if TYPE_CHECKING:
    from ocrspool.engine.spec import NetSpec
    from ocrspool.engine_request import Settings

_PROGRAM = "trt/inference.json"
_LEVEL = 3
"""TensorRT's optimization level, of 0 to 5: its default."""
_ENGINE_PATH = re.compile(r'"([^"]+\.trt)"')


def build(spec: NetSpec, folder: Path, settings: Settings) -> None:
    """Convert the model that lies in the folder: minutes. Raise EngineError."""
    if settings.gpu:
        raise EngineError(
            f"Paddle 3 converts models on the first GPU only, and the engine asks for {settings.device}",
            f'start the program with CUDA_VISIBLE_DEVICES={settings.gpu} and engine.devices = ["gpu:0"]',
        )
    try:
        export = importlib.import_module("paddle.tensorrt.export")
        export.convert(str(folder / "inference"), _wanted(export, spec, folder, settings))
    except ImportError as error:
        raise EngineError(
            f"this Paddle has no converter for TensorRT ({error})",
            'install a paddlepaddle-gpu 3 for CUDA 11.8 and TensorRT 8, or set engine.provider = "cuda"',
        ) from error
    except (*FAILURES, AssertionError) as error:
        raise unbuilt(spec, error) from error
    if not _engines(folder):
        raise EngineError(
            f"Paddle put no part of {spec.name} into TensorRT", 'use another model, or engine.provider = "cuda"'
        )
    require_files(spec, folder)


def require_files(spec: NetSpec, folder: Path) -> None:
    """Raise EngineMissingError where a file of the converted model is missing."""
    files = [folder / _PROGRAM, (folder / _PROGRAM).with_suffix(".pdiparams")]
    engines = _engines(folder)
    missing = [path for path in (*files, *engines) if not path.is_file()]
    if missing or not engines:
        what = f"{missing[0]} is missing" if missing else f"{_PROGRAM} names no engine"
        raise EngineMissingError(f"no engine of {spec.name} in {folder}: {what}", "run `ocrspool prebuild`")


def load(spec: NetSpec, folder: Path, settings: Settings) -> Any:  # noqa: ANN401  # Paddle's Predictor
    """Return the predictor of a converted model, its engines opened. Raise EngineMissingError."""
    require_files(spec, folder)
    predictor = predictors.load(spec, configured(folder / _PROGRAM, settings))
    try:
        run(predictor, np.zeros(planes(spec.profile.minimum), np.float32))
    except FAILURES as error:
        raise unusable(spec, error) from error
    return predictor


def _wanted(export: Any, spec: NetSpec, folder: Path, settings: Settings) -> Any:  # noqa: ANN401  # Paddle's types
    """Return the converter's configuration, with our shapes: the model's own go up to 4000 x 4000 pixels."""
    profile = spec.profile
    pixels = export.Input(
        min_input_shape=planes(profile.minimum),
        optim_input_shape=planes(profile.optimum),
        max_input_shape=planes(profile.maximum),
        input_data_type="float32",
    )
    half = settings.precision == "f16"
    return export.TensorRTConfig(
        inputs=[pixels],
        save_model_dir=str((folder / _PROGRAM).with_suffix("")),
        precision_mode=export.PrecisionMode.FP16 if half else export.PrecisionMode.FP32,
        optimization_level=_LEVEL,
        workspace_size=settings.workspace_mb << 20,
    )


def _engines(folder: Path) -> list[Path]:
    """Return the engines that the converted program opens."""
    try:
        text = (folder / _PROGRAM).read_text("utf-8")
    except (OSError, ValueError):
        return []
    return [Path(found) for found in sorted(set(_ENGINE_PATH.findall(text)))]
