"""The Paddle models of OCRSPOOL_MODELS as specs, with shapes so small that a CPU runs them in no time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from ocrspool.engine.spec import NetSpec, Role, ShapeProfile
from ocrspool.engine_request import Settings

CPU = Settings("cpu", "cpu", "f32", threads=2, streams=1, batch_lines=2, detection_side=640, line_width=640)
GPU = Settings(
    "gpu:0",
    "tensorrt",
    "f16",
    threads=2,
    streams=2,
    batch_lines=2,
    detection_side=640,
    line_width=640,
    workspace_mb=512,
)

_HALF = (127.5, 127.5, 127.5)
_FOLDERS: dict[Role, str] = {
    "detection": "PP-OCRv4_mobile_det",
    "recognition": "PP-OCRv4_mobile_rec",
    "classifier": "ch_ppocr_mobile_v2_cls",
}
_PROFILES: dict[Role, ShapeProfile] = {
    "detection": ShapeProfile((1, 32, 32, 3), (1, 320, 256, 3), (1, 352, 352, 3)),
    "recognition": ShapeProfile((1, 48, 32, 3), (2, 48, 320, 3), (2, 48, 640, 3)),
    "classifier": ShapeProfile((1, 48, 192, 3), (2, 48, 192, 3), (2, 48, 192, 3)),
}


def models_folder() -> Path:
    """Return the folder of the models; skip the test without one."""
    found = os.environ.get("OCRSPOOL_MODELS")
    if not found:
        pytest.skip("OCRSPOOL_MODELS names no folder of Paddle models")
    return Path(found)


def spec(role: Role, folder: Path | None = None, suffix: str = ".pdmodel") -> NetSpec:
    """Return one model; `folder` has its files in place of those of OCRSPOOL_MODELS."""
    folder = folder or models_folder() / _FOLDERS[role]
    mean, std = _HALF, _HALF
    if role == "detection":
        mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    files = (folder / f"inference{suffix}", folder / "inference.pdiparams", folder / "inference.yml")
    return NetSpec(role, _FOLDERS[role], files, mean, std, _PROFILES[role])


def characters() -> tuple[str, ...]:
    """Return the text of every class of the recognition model."""
    description = yaml.safe_load(spec("recognition").files[-1].read_text("utf-8"))
    return ("", *description["PostProcess"]["character_dict"], " ")
