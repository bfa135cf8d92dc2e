"""What is read of real documents, scored against ground truth by words; needs OCRSPOOL_CORPUS.

That folder holds `documents/<name>` and beside each `<name>.txt` with its text. Images only: opening documents is the
decoders' matter, and tested there.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ocrspool.engine.ocr.recognizer import Recognizer
from ocrspool.pages import PageText

_DOCUMENTS = {  # name: degrees clockwise by which the page has to be turned
    "receipt-010.jpg": 0,
    "receipt-094.jpg": 0,
    "receipt-sideways.jpg": 90,
    "receipt-upside-down.jpg": 180,
    "phototest-rotated-180.png": 180,
    "phototest-rotated-left.png": 90,
    "invoice-french.png": 0,
    "business-card-perspective.png": 0,
    "page-chinese-dense.jpg": 0,
    "woodblock-vertical.png": 0,
    "list-japanese.jpg": 0,
    "paragraph-english.jpg": 0,
}
_LEAST_MEAN = 0.955
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")  # Han and kana count singly

pytestmark = [
    pytest.mark.engine,
    pytest.mark.corpus,
    pytest.mark.skipif("OCRSPOOL_CORPUS" not in os.environ, reason="OCRSPOOL_CORPUS names no folder of documents"),
]


@pytest.fixture(scope="module")
def read(default_engine: Any) -> dict[str, PageText]:  # noqa: ANN401  # see conftest
    pages = [cv2.imread(str(_folder() / name)) for name in _DOCUMENTS]
    with Recognizer(default_engine.nets, default_engine.characters) as recognizer:
        texts = recognizer.recognize(pages)  # type: ignore[arg-type]  # OpenCV's looser types
    return dict(zip(_DOCUMENTS, texts, strict=True))


def test_mean_word_f1(read: dict[str, PageText]) -> None:
    """As good as when this was written, over all documents together."""
    scores = {name: _f1(_truth(name), _text(page)) for name, page in read.items()}
    assert float(np.mean(list(scores.values()))) >= _LEAST_MEAN, scores


def test_pages_are_turned_the_right_way(read: dict[str, PageText]) -> None:
    """Sideways and upside-down ones are, vertical columns and everything upright are not."""
    assert {name: page.rotation for name, page in read.items()} == _DOCUMENTS


def test_polygons_lie_on_the_page_as_it_came(read: dict[str, PageText]) -> None:
    """Also those of turned pages."""
    for name, page in read.items():
        height, width = cv2.imread(str(_folder() / name)).shape[:2]  # type: ignore[union-attr]  # read before
        for line in page.lines:
            assert all(0 <= x <= width and 0 <= y <= height for x, y in line.polygon)


def test_a_page_reads_the_same_alone_and_among_others(default_engine: Any, read: dict[str, PageText]) -> None:  # noqa: ANN401
    """Text, order, places and confidences, to the last bit."""
    with Recognizer(default_engine.nets, default_engine.characters) as recognizer:
        for name in ("receipt-094.jpg", "receipt-sideways.jpg", "list-japanese.jpg"):
            (alone,) = recognizer.recognize([cv2.imread(str(_folder() / name))])  # type: ignore[list-item]
            assert alone.lines == read[name].lines


def _folder() -> Path:
    return Path(os.environ["OCRSPOOL_CORPUS"]) / "documents"


def _truth(name: str) -> str:
    return (_folder() / f"{name}.txt").read_text("utf-8")


def _text(page: PageText) -> str:
    return "\n".join(line.text for line in page.lines)


def _f1(truth: str, text: str) -> float:
    wanted, got = _words(truth), _words(text)
    shared = sum((wanted & got).values())
    return 2 * shared / max(sum(wanted.values()) + sum(got.values()), 1)


def _words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))
