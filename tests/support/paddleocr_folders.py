"""The bundled models as the folders that PaddleOCR 3.7 expects: inference.onnx beside an inference.yml of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ocrspool.engine.models import model_set
from ocrspool.engine.spec import NetSpec


def made(folder: Path) -> tuple[Path, Path]:
    """Make and return the folders of detection and recognition; each is called as its model is."""
    specs = model_set.bundled()
    characters = model_set.characters(specs.recognition)[1:-1]
    return (
        _made(specs.detection, folder, _detection_steps()),
        _made(specs.recognition, folder, _recognition_steps(characters)),
    )


def _made(spec: NetSpec, folder: Path, steps: dict[str, Any]) -> Path:
    home = folder / spec.name
    home.mkdir()
    (home / "inference.onnx").symlink_to(spec.files[0])
    description = {"Global": {"model_name": spec.name}, **steps}
    (home / "inference.yml").write_text(json.dumps(description), "utf-8")  # JSON is YAML too
    return home


def _detection_steps() -> dict[str, Any]:
    """As the models' own inference.yml has them."""
    normalize = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "scale": "1./255.", "order": "hwc"}
    thresholds = {"thresh": 0.2, "box_thresh": 0.45, "unclip_ratio": 1.4, "max_candidates": 3000}
    return {
        "PreProcess": {
            "transform_ops": [
                {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
                {"DetResizeForTest": None},
                {"NormalizeImage": normalize},
                {"ToCHWImage": None},
            ]
        },
        "PostProcess": {"name": "DBPostProcess", **thresholds},
    }


def _recognition_steps(characters: tuple[str, ...]) -> dict[str, Any]:
    return {
        "PreProcess": {
            "transform_ops": [
                {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
                {"RecResizeImg": {"image_shape": [3, 48, 320]}},
            ]
        },
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": characters},
    }
