"""Our detection and recognition steps against PaddleOCR's own modules, on the same models.

The reference is what PaddleOCR 3.7's TextDetection and TextRecognition (its ONNX Runtime engine, f32) made of the page
that `drawn_page` draws. It is computed afresh where paddleocr is installed, and otherwise read from parity.json, which
`python tests/engine/test_parity.py` writes. The page has a size that neither side rescales for detection.

Known differences, none of which should exceed what is allowed here:

- Corners. PaddleOCR grows boxes with Clipper, which cuts corners of the shrunken box to whole pixels first, and rounds
  the result to whole pixels; ours stay fractions. Up to 2 pixels.
- Crops. PaddleOCR crops with cubic interpolation, then scales linearly; ours slices level boxes and averages when
  shrinking. It reads crops at least 320 pixels wide, padded; ours are narrowed to 0.85 and padded to the next bucket.
  All this changes a confidence by a few hundredths, and now and then a space or a mark at a line's end, or small or
  faint print (PaddleOCR itself reads one such line in ten differently alone and in a batch). So the drawn lines are
  clear and end in letters.
- OpenCV. From 4.11 on its rectangles around contours, and from 4.14 on its warps, differ a little from those of
  OpenCV 4.10, which PaddleOCR demands; hence tolerances and not equality.
- Precision. None here (f32 on both sides); bf16, which `auto` may choose, is covered by test_accuracy.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrspool.engine import models, recognize
from ocrspool.engine.crop import crop, is_vertical, quarter_turned
from ocrspool.engine.detect import Detected, DetectSettings, detect
from ocrspool.engine.net import NetSpec

Reference = list[dict[str, Any]]

_RECORD = Path(__file__).with_name("parity.json")
_WIDTH, _HEIGHT = 960, 704  # multiples of 32
_CORNER_TOLERANCE = 2.0  # pixels
_SENTENCES = (
    "The scan is the truth, events are only hints",
    "Deliver before you retire: a crash repeats work, it loses none",
    "Ordered 14 boxes on 2024-03-09, 3 of them missing",
    "Total: 1,284.50 EUR (VAT 19% included)",
    "mail to archive@example.org in room B-207",
    "Quick zephyrs blow, vexing daft Jim",
)


def drawn_page() -> NDArray[np.uint8]:
    """Return a grey page with level, small, pale, inverse, tilted and vertical lines."""
    page = Image.new("L", (_WIDTH, _HEIGHT), 255)
    draw = ImageDraw.Draw(page)
    for row, (text, size) in enumerate(zip(_SENTENCES, (26, 24, 22, 32, 24, 28), strict=True)):
        draw.text((40, 30 + 50 * row), text, fill=20 + 15 * row, font=ImageFont.load_default(size))
    for row in range(4):
        draw.text((40, 350 + 34 * row), f"item {row + 1}", fill=0, font=ImageFont.load_default(20))
        draw.text((300, 350 + 34 * row), f"{7 * row + 3}.{row}9", fill=0, font=ImageFont.load_default(20))
    draw.rectangle((40, 510, 420, 570), fill=30)
    draw.text((60, 520), "white on dark ground", fill=240, font=ImageFont.load_default(30))
    _paste_turned(page, "a tilted line of text", (470, 380), 8)
    _paste_turned(page, "another one, falling", (470, 540), -12)
    _paste_turned(page, "down the margin", (880, 340), -90)
    return np.asarray(page)


def test_polygons_agree(reference: Reference, found: list[Detected]) -> None:
    """Every box of PaddleOCR has its counterpart here within two pixels at each corner, and there are no others."""
    ours = np.array([line.polygon for line in found])
    theirs = np.array([line["polygon"] for line in reference], np.float32)
    distances = np.abs(theirs[:, None] - ours[None]).max(axis=(2, 3))
    assert len(ours) == len(theirs)
    assert distances.min(axis=1).max() <= _CORNER_TOLERANCE
    assert sorted(distances.argmin(axis=1).tolist()) == list(range(len(ours)))


def test_detection_confidences_agree(reference: Reference, found: list[Detected]) -> None:
    """Boxes are scored alike."""
    for line in reference:
        assert _counterpart(line, found).confidence == pytest.approx(line["detection_score"], abs=0.02)


def test_texts_agree(reference: Reference, found: list[Detected], exact_engine: Any) -> None:  # noqa: ANN401  # see conftest
    """99 lines of 100 read the same, which here means all."""
    page = drawn_page()
    different = []
    for line in reference:
        polygon = _counterpart(line, found).polygon
        turned = quarter_turned(polygon, 1) if is_vertical(polygon) else polygon
        (strip,) = recognize.strips(crop(page, turned), exact_engine.nets.recognition)
        (reading,) = recognize.read(exact_engine.nets.recognition, [strip], exact_engine.characters)
        if reading.text != line["text"]:
            different.append((reading.text, line["text"]))
        elif abs(reading.confidence - line["score"]) > 0.05:
            different.append((reading.text, f"{reading.confidence} for {line['score']}"))
    assert len(different) <= len(reference) // 100, different


@pytest.fixture(scope="module")
def found(exact_engine: Any) -> list[Detected]:  # noqa: ANN401  # see conftest
    return detect(exact_engine.nets.detection, drawn_page(), DetectSettings())


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    if importlib.util.find_spec("paddleocr"):
        return _live(tmp_path_factory.mktemp("paddle"))
    recorded: Reference = json.loads(_RECORD.read_text("utf-8"))
    return recorded


pytestmark = pytest.mark.engine


def _paste_turned(page: Image.Image, text: str, place: tuple[int, int], degrees: float) -> None:
    font = ImageFont.load_default(28)
    width = round(ImageDraw.Draw(page).textlength(text, font=font)) + 20
    line = Image.new("L", (width, 50), 255)
    ImageDraw.Draw(line).text((10, 6), text, fill=0, font=font)
    page.paste(line.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255), place)


def _counterpart(line: dict[str, Any], found: list[Detected]) -> Detected:
    theirs = np.array(line["polygon"], np.float32)
    return min(found, key=lambda one: float(np.abs(one.polygon - theirs).max()))


def _live(folder: Path) -> Reference:
    """Run PaddleOCR's modules on the drawn page."""
    os.environ.setdefault("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "True")
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    from paddleocr import TextDetection, TextRecognition  # type: ignore[import-not-found]  # noqa: PLC0415
    from paddlex.inference.pipelines.components import CropByPolys  # type: ignore[import-not-found]  # noqa: PLC0415

    specs = models.bundled()
    detection = _paddle_model(TextDetection, specs.detection, folder, _detection_steps())
    recognition = _paddle_model(TextRecognition, specs.recognition, folder, _recognition_steps(specs.recognition))
    page = cv2.cvtColor(drawn_page(), cv2.COLOR_GRAY2BGR)
    result = detection.predict(page, batch_size=1, limit_side_len=_WIDTH, limit_type="max")[0]
    polygons = np.asarray(result["dt_polys"])
    crops = CropByPolys(det_box_type="quad")(page, polygons)
    readings = recognition.predict(crops, batch_size=1)
    return [
        {
            "polygon": polygon.tolist(),
            "detection_score": float(score),
            "text": one["rec_text"],
            "score": one["rec_score"],
        }
        for polygon, score, one in zip(polygons, result["dt_scores"], readings, strict=True)
    ]


def _paddle_model(module: Any, spec: NetSpec, folder: Path, steps: dict[str, Any]) -> Any:  # noqa: ANN401
    """Make the model folder that PaddleOCR expects, and load it."""
    home = folder / spec.name
    home.mkdir()
    (home / "inference.onnx").symlink_to(spec.files[0])
    description = {"Global": {"model_name": spec.name}, **steps}
    (home / "inference.yml").write_text(json.dumps(description), "utf-8")  # JSON is YAML too
    return module(model_name=spec.name, model_dir=str(home), device="cpu", engine="onnxruntime")


def _detection_steps() -> dict[str, Any]:
    settings = DetectSettings()
    normalize = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "scale": "1./255.", "order": "hwc"}
    return {
        "PreProcess": {
            "transform_ops": [
                {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
                {"DetResizeForTest": None},
                {"NormalizeImage": normalize},
                {"ToCHWImage": None},
            ]
        },
        "PostProcess": {
            "name": "DBPostProcess",
            "thresh": settings.threshold,
            "box_thresh": settings.box_threshold,
            "unclip_ratio": settings.unclip,
            "max_candidates": settings.candidates,
        },
    }


def _recognition_steps(spec: NetSpec) -> dict[str, Any]:
    return {
        "PreProcess": {
            "transform_ops": [
                {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
                {"RecResizeImg": {"image_shape": [3, models.LINE_HEIGHT, 320]}},
            ]
        },
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": models.characters(spec)[1:-1]},
    }


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        _RECORD.write_text(json.dumps(_live(Path(scratch)), ensure_ascii=False, indent=1) + "\n", "utf-8")
    sys.stdout.write(f"wrote {_RECORD}\n")
