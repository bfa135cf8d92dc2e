"""What PaddleOCR 3.7 makes of a page: its TextDetection and TextRecognition on our models, with ONNX Runtime in f32.

`python -m tools.paddle_reference` records it for the pages in tests/engine/parity/, in an environment that has
paddleocr, onnxruntime and the rapidocr wheel; `--draw` draws the pages anew before (see parity_pages).
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_CHECKOUT = Path(__file__).parents[1]
FOLDER = _CHECKOUT / "tests/engine/parity"
RECORD = FOLDER / "reference.json"
LONGEST_SIDE = 960
"""Pixels to which TextDetection bounds a page's long side, its default for these models."""


@dataclass(frozen=True)
class Line:
    """A line as PaddleOCR found it, with its polygon in pixels."""

    polygon: list[list[int]]
    detection_confidence: float
    text: str
    confidence: float


@dataclass(frozen=True)
class Page:
    """What PaddleOCR found on one page."""

    sha256: str
    """Of its pixels."""
    lines: list[Line]


def pixels(path: Path) -> NDArray[np.uint8]:
    """Return a page as [h, w, 3], blue, green, red."""
    with Image.open(path) as image:
        return np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])


def digest(page: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of its pixels."""
    return hashlib.sha256(page.tobytes()).hexdigest()


def recorded() -> dict[str, Page]:
    """Return the recorded pages by file name."""
    pages = json.loads(RECORD.read_text("utf-8"))
    return {name: Page(page["sha256"], [Line(*line) for line in page["lines"]]) for name, page in pages.items()}


class PaddleOcr:
    """The two modules; needs paddleocr."""

    def __init__(self, folder: Path) -> None:
        """Make the model folders that PaddleOCR expects in `folder`, and load them."""
        os.environ.setdefault("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "True")
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        from paddleocr import TextDetection, TextRecognition  # noqa: PLC0415
        from paddlex.inference.pipelines.components import CropByPolys  # noqa: PLC0415

        from support import paddleocr_folders  # noqa: PLC0415  # a script's path is set before

        detection, recognition = paddleocr_folders.made(folder)
        self._detection = _module(TextDetection, detection)
        self._recognition = _module(TextRecognition, recognition)
        self._crop = CropByPolys(det_box_type="quad")

    def lines(self, page: NDArray[np.uint8]) -> list[Line]:
        """Return what is found, each line read alone (batches would change texts)."""
        result = self._detection.predict(page, batch_size=1, limit_side_len=LONGEST_SIDE, limit_type="max")[0]
        polygons = np.asarray(result["dt_polys"])
        readings = self._recognition.predict(self._crop(page, polygons), batch_size=1) if len(polygons) else []
        return [
            Line(polygon.tolist(), round(float(score), 4), one["rec_text"], round(float(one["rec_score"]), 4))
            for polygon, score, one in zip(polygons, result["dt_scores"], readings, strict=True)
        ]


def _module(kind: Any, folder: Path) -> Any:  # noqa: ANN401  # PaddleOCR has no types
    return kind(model_name=folder.name, model_dir=str(folder), device="cpu", engine="onnxruntime")


def _record() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        paddle = PaddleOcr(Path(scratch))
        pages = {path.name: pixels(path) for path in sorted(FOLDER.glob("*.png"))}
        found = {name: {"sha256": digest(page), "lines": paddle.lines(page)} for name, page in pages.items()}
    text = json.dumps(found, ensure_ascii=False, default=lambda line: list(asdict(line).values()))
    RECORD.write_text(text.replace("[[[", "\n[[[").replace("}, ", "},\n") + "\n", "utf-8")
    sys.stdout.write(f"{RECORD}: {sum(len(page['lines']) for page in found.values())} lines\n")


if __name__ == "__main__":
    sys.path[:0] = [str(_CHECKOUT / folder) for folder in ("daemon", "tests")]
    if "--draw" in sys.argv:
        from tools import parity_pages

        parity_pages.draw_all(FOLDER)
    _record()
