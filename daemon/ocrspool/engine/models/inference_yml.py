"""What a model's `inference.yml` says about it. PaddleOCR 3.x puts this file beside each model that it exports.

This is the only module that imports yaml, and only when a model comes in a folder. It understands what PaddleX 3.7
reads from the same file (its text_detection, text_recognition and image_classification predictors).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ocrspool.engine.spec import Role
from ocrspool.errors import EngineError

NAME = "inference.yml"

_ROLES: dict[str, Role] = {"DBPostProcess": "detection", "CTCLabelDecode": "recognition"}
_UPRIGHT, _UPSIDE_DOWN = "0_degree", "180_degree"
_HALF = (127.5, 127.5, 127.5)
_COLORS = 3

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Description:
    """One model. What belongs to another role is None or empty."""

    role: Role
    name: str
    """As its publisher calls it, for instance PP-OCRv5_server_det."""
    mean: Triple
    """Per channel in the order in which the model was trained to see them, in units of 0 to 255."""
    std: Triple
    size: tuple[int, int] | None = None
    """Height and width that the model wants, in pixels; of a recognition model only the height counts."""
    thresholds: Triple | None = None
    """Of a detection model: of its map, of a box, and how far boxes grow (thresh, box_thresh, unclip_ratio)."""
    characters: tuple[str, ...] = ()
    """Of a recognition model, without blank and space."""


def read(path: Path) -> Description | None:
    """Return what the file says, None if it is about a model for another purpose.

    Raise EngineError where it is damaged, or asks for what this program does not do.
    """
    stat = path.stat()
    return _read(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: Path, _size: int, _modified: int) -> Description | None:
    """Read once what is asked for twice, with its shapes and with its characters: the large ones take 0.1 s."""
    import yaml  # noqa: PLC0415 - who uses the bundled models needs none of it, and its import takes 0.04 s

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        # Text only, nothing is constructed: characters such as `no` and `1` stay what they are.
        content = yaml.load(path.read_bytes(), loader)  # noqa: S506
        return _described(content)
    except yaml.YAMLError as error:
        raise EngineError(f"{path} is no YAML file: {error}", "install the model again") from error
    except ValueError as error:
        raise EngineError(
            f"{path}: {error}", "use a model as PaddleOCR 3.x exports it, with its own inference.yml"
        ) from error


def _described(content: object) -> Description | None:
    after = _section(content, "PostProcess")
    if "Topk" in after:
        # Classifiers of pages, tables and so on look the same but for their labels.
        if _section(after, "Topk").get("label_list") != [_UPRIGHT, _UPSIDE_DOWN]:
            return None
        return _classifier(_name(content), _steps(content))
    role = _ROLES.get(str(after.get("name")))
    if role is None or after.get("box_type") == "poly":  # polygons are for round seals
        return None
    steps = _steps(content)
    color = _section(steps, "DecodeImage").get("img_mode", "BGR")
    if color != "BGR":
        raise ValueError(f"img_mode is {color}; only BGR is supported")
    if role == "detection":
        return _detection(_name(content), steps, after)
    return _recognition(_name(content), steps, after)


def _detection(name: str, steps: dict[str, Any], after: dict[str, Any]) -> Description:
    thresholds = (
        _number(after, "thresh"),
        _number(after, "box_thresh"),
        _number(after, "unclip_ratio"),
    )
    return Description("detection", name, *_normalization(steps), thresholds=thresholds)


def _recognition(name: str, steps: dict[str, Any], after: dict[str, Any]) -> Description:
    shape = _section(steps, "RecResizeImg").get("image_shape")
    if not isinstance(shape, list) or len(shape) != _COLORS or shape[0] != str(_COLORS):
        raise ValueError(f"RecResizeImg.image_shape is {shape}, not channels (3), height and width")
    characters = after.get("character_dict")
    if not isinstance(characters, list) or not all(isinstance(one, str) for one in characters):
        raise ValueError("PostProcess.character_dict is no list of characters")
    # Its normalization is stated nowhere: RecResizeImg implies it (PaddleOCR, resize_norm_img).
    size = (_whole(shape[1]), _whole(shape[2]))
    return Description("recognition", name, _HALF, _HALF, size, characters=tuple(characters))


def _classifier(name: str, steps: dict[str, Any]) -> Description:
    size = _section(steps, "ResizeImage").get("size")
    if not isinstance(size, list) or len(size) != 2:  # noqa: PLR2004
        raise ValueError(f"ResizeImage.size is {size}, not width and height")
    return Description("classifier", name, *_normalization(steps), (_whole(size[1]), _whole(size[0])))


def _name(content: object) -> str:
    name = _section(content, "Global").get("model_name")
    if not isinstance(name, str) or not name or "/" in name or name.startswith("."):
        raise ValueError(f"Global.model_name is {name!r}")
    return name


def _normalization(steps: dict[str, Any]) -> tuple[Triple, Triple]:
    """Return mean and std in units of 0 to 255: (pixel * scale - mean) / std is (pixel - mean/scale) / (std/scale)."""
    step = _section(steps, "NormalizeImage")
    scale = _number(step, "scale")
    mean, std = (_triple(step, key) for key in ("mean", "std"))
    if scale <= 0 or min(std) <= 0:
        raise ValueError(f"NormalizeImage has scale {scale} and std {std}")
    return _scaled(mean, scale), _scaled(std, scale)


def _scaled(values: Triple, scale: float) -> Triple:
    first, second, third = (value / scale for value in values)
    return first, second, third


def _triple(step: dict[str, Any], key: str) -> Triple:
    values = step.get(key)
    if not isinstance(values, list) or len(values) != _COLORS or not all(isinstance(one, str) for one in values):
        raise ValueError(f"NormalizeImage.{key} is {values}, not three numbers")
    first, second, third = (float(value) for value in values)
    return first, second, third


def _number(section: dict[str, Any], key: str) -> float:
    """Return a number, which may be written as a quotient (1./255.)."""
    text = section.get(key)
    if not isinstance(text, str):
        raise ValueError(f"{key} is {'missing' if text is None else 'no number'}")  # noqa: TRY004 - the file's fault
    above, _, below = text.partition("/")
    try:
        return float(above) / float(below or 1)
    except ZeroDivisionError:
        raise ValueError(f"{key} is {text}") from None


def _whole(text: object) -> int:
    if not isinstance(text, str) or not text.isdecimal() or int(text) == 0:
        raise ValueError(f"{text!r} is no size in pixels")
    return int(text)


def _steps(content: object) -> dict[str, Any]:
    """Return the steps before the net by name."""
    listed = _section(content, "PreProcess").get("transform_ops")
    if not isinstance(listed, list) or not all(isinstance(step, dict) for step in listed):
        raise ValueError("PreProcess.transform_ops is no list of steps")
    return {name: options for step in listed for name, options in step.items()}


def _section(content: object, name: str) -> dict[str, Any]:
    """Return a part of the file, {} where it is not there or empty."""
    if not isinstance(content, dict):
        raise ValueError("it is no mapping")  # noqa: TRY004 - the file's fault, not a caller's
    found = content.get(name)
    return found if isinstance(found, dict) else {}
