"""(no benchmark.) The words of RapidOCR with its defaults: each text is a JSON list of words with their polygons."""

from __future__ import annotations

import json
from typing import Any

from reading import ReadAll, converse, one_by_one


def _load() -> ReadAll:
    from rapidocr import RapidOCR  # noqa: PLC0415 - the load is measured

    ocr = RapidOCR()

    def read(file: str) -> str:
        found: Any = ocr(file, return_word_box=True)
        lines = found.word_results or ()
        return json.dumps([(text, [[float(x), float(y)] for x, y in box]) for line in lines for text, _, box in line])

    return one_by_one(read)


if __name__ == "__main__":
    converse(_load)
