"""(no benchmark.) The words of PaddleOCR's pipeline: each text is a JSON list of words with their polygons.

usage: words_paddleocr.py DETECTION_FOLDER RECOGNITION_FOLDER
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from reading import ReadAll, converse, one_by_one


def _load() -> ReadAll:
    os.environ["PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK"] = "True"
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    from paddleocr import PaddleOCR  # noqa: PLC0415 - the load is measured

    detection, recognition = map(Path, sys.argv[1:])
    ocr = PaddleOCR(
        text_detection_model_name=detection.name,
        text_detection_model_dir=str(detection),
        text_recognition_model_name=recognition.name,
        text_recognition_model_dir=str(recognition),
        use_doc_orientation_classify=False,
        use_doc_unwarping=False,
        use_textline_orientation=False,
        return_word_box=True,
        device="cpu",
        engine="onnxruntime",
    )

    def read(file: str) -> str:
        words: list[tuple[str, list[list[float]]]] = []
        for page in ocr.predict(file):
            found: Any = page
            for texts, regions in zip(found["text_word"], found["text_word_region"], strict=True):
                for text, region in zip(texts, regions, strict=True):
                    words.append((text, [[float(x), float(y)] for x, y in region]))
        return json.dumps([word for word in words if word[0].strip()])

    return one_by_one(read)


if __name__ == "__main__":
    converse(_load)
