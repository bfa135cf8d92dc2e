"""What the real nets make of lines that are no ordinary print, drawn here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrspool.engine.ocr.recognizer import Recognizer
from ocrspool.pages import PageText

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

ENGLISH = (
    "Invoice number 4711 of 12 March",
    "Delivery address and terms of payment",
    "Total amount due within thirty days",
)
RUSSIAN = ("Счёт на оплату № 145 от 12 марта 2024 г.", "Поставщик: город Москва, дом 7", "Главный бухгалтер Иванова")  # noqa: RUF001 - Cyrillic
DEJAVU = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
"""Pillow's own font has Latin letters only."""

needs_dejavu = pytest.mark.skipif(not DEJAVU.is_file(), reason="the package fonts-dejavu-core is not installed")


@pytest.fixture(scope="module")
def recognizer(default_engine: Any) -> Iterator[Recognizer]:  # noqa: ANN401  # see conftest
    with Recognizer(default_engine.nets, default_engine.characters) as recognizer:
        yield recognizer


def _page(*lines: str, size: int = 28, spacing: float = 0.0) -> Image.Image:
    """Draw lines below each other; `spacing` is between letters, as a part of their size."""
    font = ImageFont.truetype(DEJAVU, size) if DEJAVU.is_file() else ImageFont.load_default(size)
    page = Image.new("L", (1200, 2 * size * (len(lines) + 1)), 255)
    draw = ImageDraw.Draw(page)
    for row, line in enumerate(lines):
        x = 60.0
        for letter in line if spacing else [line]:
            draw.text((x, 2 * size * row + size), letter, font=font, fill=0)
            x += font.getlength(letter) + spacing * size
    return page


def _read(recognizer: Recognizer, page: Image.Image | NDArray[np.uint8]) -> PageText:
    (text,) = recognizer.recognize([np.array(page)])
    return text


@needs_dejavu
def test_a_script_that_the_model_does_not_know_is_unsure_and_warned_of(recognizer: Recognizer) -> None:
    found = _read(recognizer, _page(*RUSSIAN))
    assert "unread-script" in [warning.code for warning in found.warnings]
    assert all(line.confidence < 0.6 for line in found.lines)


@needs_dejavu
def test_of_a_page_in_two_scripts_the_unread_lines_are_named(recognizer: Recognizer) -> None:
    found = _read(recognizer, _page(*ENGLISH, RUSSIAN[0], *ENGLISH))
    (warning,) = found.warnings
    assert [line.text for line in found.lines if line.confidence > 0.9] == [*ENGLISH, *ENGLISH]
    assert [found.lines[place].text for place in warning.lines] == [
        line.text for line in found.lines if line.confidence < 0.6
    ]
    assert warning.message.startswith("1 line")


def test_ordinary_pages_get_no_warning(recognizer: Recognizer) -> None:
    assert _read(recognizer, _page(*ENGLISH)).warnings == ()
    assert _read(recognizer, Image.new("L", (1200, 400), 255)).warnings == ()


def test_a_picture_without_text_is_told(recognizer: Recognizer) -> None:
    page = Image.new("L", (1200, 900), 255)
    ImageDraw.Draw(page).ellipse((200, 200, 900, 700), outline=0, width=9)
    found = _read(recognizer, page)
    assert (found.lines, [warning.code for warning in found.warnings]) == ((), ["no-text-found"])


def test_lines_upside_down_on_an_upright_page_are_read(recognizer: Recognizer) -> None:
    coupon = ("Return this coupon to the office", "Please do not fold or staple")
    upright, turned = _page(*ENGLISH, *ENGLISH), _page(*coupon).rotate(180)
    page = Image.new("L", (1200, upright.height + turned.height), 255)
    page.paste(upright)
    page.paste(turned, (0, upright.height))
    found = _read(recognizer, page)
    assert found.rotation == 0
    assert {line.text for line in found.lines} == {*ENGLISH, *coupon}
    place = {line.text: line.polygon for line in found.lines}[coupon[0]]
    assert place[0][0] > place[1][0], "the text's own top left is at the right"


@pytest.mark.parametrize("spacing", [0.4, 0.8, 1.2])
def test_a_letter_spaced_heading_is_words(recognizer: Recognizer, spacing: float) -> None:
    found = _read(recognizer, _page("INVOICE NUMBER", size=24, spacing=spacing))
    assert [line.text for line in found.lines] == ["INVOICE NUMBER"]


@pytest.mark.parametrize("text", ["7", "4", "8", "A", "R", "E", "Total", "12.50"])
@pytest.mark.parametrize("size", [14, 40])
def test_a_word_or_a_digit_on_a_tight_picture_is_read(recognizer: Recognizer, text: str, size: int) -> None:
    font = ImageFont.load_default(size)
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text))
    for margin in (0, 3):
        picture = Image.new("L", (right - left + 2 * margin, bottom - top + 2 * margin), 255)
        ImageDraw.Draw(picture).text((margin - left, margin - top), text, fill=0, font=font)
        for shown in (np.array(picture), 255 - np.array(picture)):
            (line,) = _read(recognizer, shown).lines
            # At 14 pixels, a point and a comma differ by a pixel. How a processor rounds decides which one is read.
            assert line.text.strip().replace(",", ".") == text
            assert all(0 <= x <= picture.width and 0 <= y <= picture.height for x, y in line.polygon)
