"""The sets of models that PaddleOCR publishes, by name. This is only the table: it searches and downloads nothing.

Names as in PaddleX 3.7.2 (paddlex/inference/utils/official_models.py), sets as PaddleOCR 3.7.0 pairs them
(paddleocr/_pipelines/ocr.py). All are under the Apache License 2.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import util
from typing import Literal

from ocrspool.engine.runtimes.base import runtime_spec
from ocrspool.engine_request import Runtime
from ocrspool.errors import ConfigError

_SMALL_CLASSIFIER = "PP-LCNet_x0_25_textline_ori"
_CLASSIFIER = "PP-LCNet_x1_0_textline_ori"

_V5_LANGUAGES = ("en", "latin", "eslav", "cyrillic", "arabic", "devanagari", "korean", "th", "el", "te", "ta")
_V3_LANGUAGES = (
    "en", "latin", "cyrillic", "arabic", "devanagari", "korean", "japan", "chinese_cht", "te", "ka", "ta"
)  # fmt: skip
_A_SET = re.compile(r"(?:[a-z_]+_)?(PP-OCRv\d+_[a-z]+)")
_ONNX_GENERATIONS = ("PP-OCRv5", "PP-OCRv6", "PP-LCNet")  # PaddleX's ONNX_SUPPORTED_MODELS, as far as it is ours


Part = Literal["detection", "recognition"]
"""What a single model of a set may be wanted for."""


@dataclass(frozen=True, slots=True)
class OfficialSet:
    """Three models that are used together, by their official names."""

    detection: str
    recognition: str
    classifier: str

    def __iter__(self) -> Iterator[str]:
        return iter((self.detection, self.recognition, self.classifier))


def _mobile(generation: str, language: str = "") -> OfficialSet:
    return OfficialSet(f"{generation}_mobile_det", f"{language}{generation}_mobile_rec", _SMALL_CLASSIFIER)


SETS: dict[str, OfficialSet] = {
    "PP-OCRv6_tiny": OfficialSet("PP-OCRv6_tiny_det", "PP-OCRv6_tiny_rec", _SMALL_CLASSIFIER),
    "PP-OCRv6_small": OfficialSet("PP-OCRv6_small_det", "PP-OCRv6_small_rec", _SMALL_CLASSIFIER),
    "PP-OCRv6_medium": OfficialSet("PP-OCRv6_medium_det", "PP-OCRv6_medium_rec", _CLASSIFIER),
    "PP-OCRv5_mobile": _mobile("PP-OCRv5"),
    "PP-OCRv5_server": OfficialSet("PP-OCRv5_server_det", "PP-OCRv5_server_rec", _CLASSIFIER),
    **{f"{language}_PP-OCRv5_mobile": _mobile("PP-OCRv5", f"{language}_") for language in _V5_LANGUAGES},
    # There are no larger recognition models of these languages; PaddleOCR pairs them with the large detection.
    **{
        f"{language}_PP-OCRv5_server": OfficialSet(
            "PP-OCRv5_server_det", f"{language}_PP-OCRv5_mobile_rec", _CLASSIFIER
        )
        for language in _V5_LANGUAGES
    },
    "PP-OCRv4_mobile": _mobile("PP-OCRv4"),
    "PP-OCRv4_server": OfficialSet("PP-OCRv4_server_det", "PP-OCRv4_server_rec", _CLASSIFIER),
    "PP-OCRv4_server_doc": OfficialSet("PP-OCRv4_server_det", "PP-OCRv4_server_rec_doc", _CLASSIFIER),
    "en_PP-OCRv4_mobile": _mobile("PP-OCRv4", "en_"),
    "PP-OCRv3_mobile": _mobile("PP-OCRv3"),
    **{f"{language}_PP-OCRv3_mobile": _mobile("PP-OCRv3", f"{language}_") for language in _V3_LANGUAGES},
}

_OF_ROLE: Mapping[Part, frozenset[str]] = {
    "detection": frozenset(each.detection for each in SETS.values()),
    "recognition": frozenset(each.recognition for each in SETS.values()),
}
"""The models of all sets."""
_ENDINGS: Mapping[Part, str] = {"detection": "_det", "recognition": "_rec"}


def models(choice: str) -> tuple[str, ...]:
    """Return the models of the set, or the single model, of this name; () where there is none."""
    if chosen := find(choice):
        return tuple(chosen)
    return (choice,) if choice and any(choice == model(choice, part) for part in _ENDINGS) else ()


def model(choice: str, part: Part) -> str:
    """Return the detection or recognition model of the set, or that model, of this name; "" where there is none."""
    if chosen := find(choice):
        return chosen.detection if part == "detection" else chosen.recognition
    ending = _ENDINGS[part]
    newer = choice.endswith(ending) and find(choice.removesuffix(ending)) is not None
    return choice if choice in _OF_ROLE[part] or newer else ""


def find(choice: str) -> OfficialSet | None:
    """Return the set of this name, None where there is none.

    A set that is newer than this table is known by its name where PaddleOCR is installed, whose catalogue has it:
    language_PP-OCRv7_mobile is PP-OCRv7_mobile_det and language_PP-OCRv7_mobile_rec.
    """
    if choice in SETS:
        return SETS[choice]
    if not (parts := _A_SET.fullmatch(choice)) or not has_paddleocr():
        return None
    return OfficialSet(f"{parts[1]}_det", f"{choice}_rec", _SMALL_CLASSIFIER)


def has_paddleocr() -> bool:
    """Tell whether PaddleOCR's catalogue is installed. It is not imported."""
    return util.find_spec("paddlex") is not None


def is_listed(model: str) -> bool:
    """Tell whether a model is one of this table."""
    return any(model in each for each in SETS.values())


def folders(model: str) -> tuple[str, str]:
    """Return the names of the folders in which a model of this name may lie, in the order in which they are tried."""
    return f"{model}_onnx", model


def package(model: str, runtime: Runtime) -> str:
    """Return the name under which a model is published in the runtime's format. Raise ConfigError where it is not."""
    if not runtime_spec(runtime).reads_onnx:
        return model
    if is_listed(model) and not any(generation in model for generation in _ONNX_GENERATIONS):
        raise ConfigError(
            [f"engine.models: {model} is published for Paddle only, and engine.runtime is {runtime!r}"],
            'use a set of PP-OCRv5 or PP-OCRv6, or engine.runtime = "paddle"; or convert the model with paddle2onnx '
            f"and put inference.onnx and inference.yml into a folder {model}_onnx",
        )
    return f"{model}_onnx"
