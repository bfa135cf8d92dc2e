"""(no benchmark.) PaddleOCR's TextDetection and TextRecognition, as its pipeline joins them.

usage: read_paddleocr.py onnxruntime|paddle DETECTION_FOLDER RECOGNITION_FOLDER
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from reading import ReadAll, converse, one_by_one

BATCH = 1
"""Lines per call: the default of the module. The 6 of its pipeline, padded to the widest, take half as long again."""


def _load() -> ReadAll:
    os.environ["PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK"] = "True"
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import numpy as np  # noqa: PLC0415 - the load is measured
    from paddleocr import TextDetection, TextRecognition  # noqa: PLC0415
    from paddlex.inference.pipelines.components import CropByPolys, SortQuadBoxes  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    engine, *folders = sys.argv[1:]
    detection, recognition = (
        _module(kind, Path(folder), engine)
        for kind, folder in zip((TextDetection, TextRecognition), folders, strict=True)
    )
    crop, in_order = CropByPolys(det_box_type="quad"), SortQuadBoxes()

    def read(file: str) -> str:
        with Image.open(file) as image:
            page = np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
        polygons = in_order(detection.predict(page, batch_size=1)[0]["dt_polys"])
        lines = recognition.predict(crop(page, polygons), batch_size=BATCH) if len(polygons) else []
        return "\n".join(line["rec_text"] for line in lines)

    return one_by_one(read)


def _module(kind: Any, folder: Path, engine: str) -> Any:  # noqa: ANN401 - PaddleOCR has no types
    # PaddlePaddle 3.3's own choice, oneDNN, ends the first predict with NotImplementedError.
    options = {"engine": "onnxruntime"} if engine == "onnxruntime" else {"enable_mkldnn": False}
    return kind(model_name=folder.name, model_dir=str(folder), device="cpu", **options)


if __name__ == "__main__":
    converse(_load)
