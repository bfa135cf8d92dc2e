"""(no benchmark.) RapidOCR with its defaults, on the engine named by the argument: onnxruntime or openvino."""

from __future__ import annotations

import sys
from typing import Any

from reading import ReadAll, converse, one_by_one


def _load() -> ReadAll:
    from rapidocr import EngineType, RapidOCR  # noqa: PLC0415 - the load is measured

    engine = EngineType(sys.argv[1])
    ocr = RapidOCR(params={f"{part}.engine_type": engine for part in ("Det", "Cls", "Rec")})

    def read(file: str) -> str:
        found: Any = ocr(file)
        return "\n".join(found.txts or ())

    return one_by_one(read)


if __name__ == "__main__":
    converse(_load)
