"""Long pages, and large sheets of small print, from the file to the text: decoded whole, looked at in tiles, read."""

from __future__ import annotations

import contextlib
import os
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from ocrspool.decoding.child.document import Document
from ocrspool.decoding.child.page import PageLimits
from ocrspool.engine.ocr.recognizer import Recognizer
from ocrspool.engine.ocr.shared_image import pixels
from ocrspool.pages import PageOptions, PageText
from support import sample_files, sample_pdfs

LIMITS = PageLimits(dpi=200, pages=10, megapixels=300, side=4000)
PROSE = (
    "account balance bridge camera channel circuit column corner customer detail engine filter garden harbor island "
    "kitchen landing library machine marble number office orchard panel planet quarter railing river sample section "
    "silver station street switch timber tunnel valley village window winter workshop yellow"
)
PROSE = (
    "account balance bridge camera channel circuit column corner customer detail engine filter garden harbor island "
    "kitchen landing library machine marble number office orchard panel planet quarter railing river sample section "
    "silver station street switch timber tunnel valley village window winter workshop yellow"
)
WORDS = PROSE.split()
INK = {"white": "black", "#16181c": "#e4e4ea"}

pytestmark = pytest.mark.engine


def _text(seed: int, lines: int, words: int) -> list[str]:
    chosen = random.Random(seed)
    return [" ".join(chosen.choices(WORDS, k=words)) for _ in range(lines)]


def _page(size: tuple[int, int], places: dict[tuple[int, int], str], em: int, paper: str = "white") -> Image.Image:
    page = Image.new("RGB" if paper.startswith("#") else "L", size, paper)
    for place, text in places.items():
        ImageDraw.Draw(page).text(place, text, fill=INK[paper], font=ImageFont.load_default(em))
    return page


def _read(engine: Any, data: bytes, folder: Path) -> tuple[PageText, tuple[int, int], list[int]]:  # noqa: ANN401  # see conftest
    """Decode and read one page as a decoder and a worker do. Return its text, its size, and when it got on."""
    (folder / "file").write_bytes(data)
    steps: list[int] = []
    with (
        contextlib.closing(Document(os.open(folder / "file", os.O_RDONLY), LIMITS)) as document,
        Recognizer(engine.nets, engine.characters) as recognizer,
    ):
        image, remarks = document.page(0)
        assert remarks == ()
        page = pixels(image.fd, image.height, image.width, image.channels)
        text = recognizer.submit(page, PageOptions(), lambda: steps.append(1)).result()
        os.close(image.fd)
    return text, (image.width, image.height), steps


def _recall(text: PageText, expected: list[str]) -> float:
    def counted(lines: list[str]) -> Counter[str]:
        return Counter(re.findall(r"\w+", " ".join(lines).lower()))

    truth = counted(expected)
    return (truth & counted([line.text for line in text.lines])).total() / truth.total()


def test_a_long_screenshot_in_light_on_dark(default_engine: Any, tmp_path: Path) -> None:  # noqa: ANN401  # see conftest
    lines = _text(1, 40, 4)
    places = {(12, 30 + 200 * number): line for number, line in enumerate(lines)}
    page = _page((420, 8_040), places, 17, "#16181c")
    text, size, steps = _read(default_engine, sample_files.png(page), tmp_path)
    assert size == page.size
    assert [line.text for line in text.lines] == lines
    for line, (left, top) in zip(text.lines, places, strict=True):
        assert line.polygon[0] == pytest.approx((left, top), abs=14)
    assert len(steps) > len(lines)  # and for each tile


def test_a_long_receipt_in_a_pdf(default_engine: Any, tmp_path: Path) -> None:  # noqa: ANN401  # see conftest
    """80 by 1400 millimeters."""
    lines = _text(2, 40, 3)
    places = {(14.0, 3960.0 - 96 * number): line for number, line in enumerate(lines)}
    text, size, _ = _read(default_engine, sample_pdfs.drawing((227, 3968), places, 9), tmp_path)
    assert size == (631, 11_023)
    assert [line.text for line in text.lines] == lines


@pytest.mark.parametrize(("width", "height", "rotate"), [(3370.0, 2384.0, 0), (1684.0, 2384.0, 270)])
def test_small_labels_on_a_large_drawing(
    default_engine: Any,  # noqa: ANN401  # see conftest
    tmp_path: Path,
    width: float,
    height: float,
    rotate: int,
) -> None:
    """7 points on A0 and A1, across and up, in three corners of the sheet."""
    labels = [f"{word.upper()} {number}" for number, word in enumerate(random.Random(rotate).sample(WORDS, 24), 100)]
    corners = ((60, 80), (width - 700, 80), (60, height - 700))
    places = {
        (corners[at % 3][0] + 140 * (at // 3 % 4), corners[at % 3][1] + 200 * (at // 12)): label
        for at, label in enumerate(labels)
    }
    data = sample_pdfs.drawing((width, height), places, 7, up=4, rotate=rotate)
    text, size, _ = _read(default_engine, data, tmp_path)
    assert max(size) in {9362, 6623}
    assert _recall(text, labels) >= 0.97


def test_a_large_scan_of_small_print(default_engine: Any, tmp_path: Path) -> None:  # noqa: ANN401  # see conftest
    """No resolution is stated: by its size it might be A4 at 600 dpi, and its print says that it is not."""
    lines = _text(4, 36, 4)
    places = {(200 + 3300 * (at % 2), 150 + 250 * (at // 2)): line for at, line in enumerate(lines)}
    page = _page((6000, 4700), places, 20)
    text, size, _ = _read(default_engine, sample_files.tiff(page), tmp_path)
    assert size == page.size
    assert _recall(text, lines) >= 0.97
