"""What a worker measures for the blocks: the size of letters and their strokes, and the ruling lines of a page."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrspool.engine.ocr.ruling_lines import _runs, ruling_lines
from ocrspool.engine.reading.letter_size import LetterSize, letter_size
from ocrspool.engine.reading.own_ink import own_ink, own_inks

FONT = ImageFont.load_default(30)


def strip(text: str, *, thick: int = 0, ink: int = 0, paper: int = 255) -> NDArray[np.uint8]:
    """Return a line as the recognition net gets it: 48 pixels high."""
    image = Image.new("L", (max(60, 18 * len(text)), 48), paper)
    ImageDraw.Draw(image).text((6, 6), text, fill=ink, font=FONT, stroke_width=thick, stroke_fill=ink)
    return np.repeat(np.asarray(image)[:, :, None], 3, axis=2)


def measured(pixels: NDArray[np.uint8]) -> LetterSize | None:
    return letter_size(own_ink(pixels))


def test_the_height_is_that_of_small_letters_whatever_stands_out() -> None:
    """Capitals, and letters that reach up or down, are few in text."""
    plain, tall = measured(strip("a summer on some river")), measured(strip("A fully hidden body by gorge"))
    capitals = measured(strip("A SUMMER ON SOME RIVER"))
    assert plain is not None
    assert tall is not None
    assert capitals is not None
    assert tall.height == pytest.approx(plain.height, rel=0.12)
    assert capitals.height > 1.2 * plain.height


def test_bold_letters_have_thicker_strokes() -> None:
    plain, bold = measured(strip("How it was measured")), measured(strip("How it was measured", thick=1))
    assert plain is not None
    assert bold is not None
    assert bold.stroke > 1.3 * plain.stroke


def test_white_on_black_is_the_same() -> None:
    dark, light = (
        measured(strip("a summer on some river", ink=255, paper=0)),
        measured(strip("a summer on some river")),
    )
    assert dark is not None
    assert light is not None
    assert dark.height == pytest.approx(light.height, rel=0.1)
    assert dark.stroke == pytest.approx(light.stroke, rel=0.25)


@pytest.mark.parametrize("pixels", [np.full((48, 200, 3), 255, np.uint8), np.full((48, 1, 3), 7, np.uint8)])
def test_nothing_is_measured_where_no_ink_is(pixels: NDArray[np.uint8]) -> None:
    assert measured(pixels) is None


def test_an_underline_is_no_letter() -> None:
    underlined = strip("a summer on some river")
    underlined[41:43] = 0
    plain, found = measured(strip("a summer on some river")), measured(underlined)
    assert plain is not None
    assert found is not None
    assert found.height == pytest.approx(plain.height, rel=0.12)


def drawn(*lines: tuple[int, int, int, int], width: int = 2, size: tuple[int, int] = (1700, 2200)) -> NDArray[np.uint8]:
    image = Image.new("L", size, 255)
    for line in lines:
        ImageDraw.Draw(image).line(line, fill=0, width=width)
    return np.asarray(image)


@pytest.mark.parametrize("width", [1, 2, 5])
def test_level_and_upright_lines_are_found_at_their_places(width: int) -> None:
    """Also a line of one pixel at 300 dpi, of which the reduced copy shows a third."""
    found = ruling_lines(drawn((200, 300, 1400, 300), (200, 300, 200, 900), width=width, size=(2480, 3508)))
    assert len(found) == 2
    (level,) = [line for line in found if abs(line[0][1] - line[1][1]) < 5]
    (upright,) = [line for line in found if abs(line[0][0] - line[1][0]) < 5]
    assert np.allclose(level, ((200, 300), (1400, 300)), atol=12)
    assert np.allclose(upright, ((200, 300), (200, 900)), atol=12)


def test_a_line_of_a_skewed_page_is_one() -> None:
    (line,) = ruling_lines(drawn((200, 300, 1400, 321)))
    assert np.allclose(line, ((200, 300), (1400, 321)), atol=12)


def test_colors_and_grey_are_the_same() -> None:
    grey = drawn((200, 300, 1400, 300))
    assert ruling_lines(np.repeat(grey[:, :, None], 3, axis=2)) == ruling_lines(grey)


def test_text_is_no_line() -> None:
    image = Image.new("L", (1700, 600), 255)
    for number in range(12):
        text = "The committee compared the older registers with the plans - HILLTOP EIGHT TITLES Illinois"
        ImageDraw.Draw(image).text((100, 30 + 45 * number), text, fill=0, font=FONT)
    assert ruling_lines(np.asarray(image)) == ()


def test_a_picture_is_no_line() -> None:
    """A bar is too thick, and noise has more lines than any page."""
    bar = drawn((200, 300, 1400, 300), width=60)
    noise = np.random.default_rng(7).integers(0, 255, (1200, 900), np.uint8)
    assert not [line for line in ruling_lines(bar) if 280 < line[0][1] < 320]
    assert len(ruling_lines(noise)) < 5


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (40, 3)])
def test_a_tiny_page_has_none(size: tuple[int, int]) -> None:
    assert ruling_lines(np.zeros(size, np.uint8)) == ()


def test_strips_that_are_measured_together_have_the_ink_that_each_has_alone() -> None:
    """Ink that ends at one strip's edge and begins at the next one's, a rule, and what hangs in from other lines."""
    rule, frame, hanging = strip("Sum  12.50"), strip("12"), strip("a fully hidden body")
    rule[40:42] = 0
    frame[:, :3] = 0
    hanging[:4, 20:60] = 0
    up_to_the_edge, empty = strip("WWW")[:, :50], np.full((48, 1, 3), 255, np.uint8)
    strips = [up_to_the_edge, up_to_the_edge, rule, rule, empty, frame, hanging, hanging[::-1], strip("end")]
    together = own_inks(strips)
    for pixels, ink in zip(strips, together, strict=True):
        alone = own_ink(pixels)
        assert np.array_equal(ink.pixels, alone.pixels)
        assert np.array_equal(ink.columns, alone.columns)
        assert ink.gaps == alone.gaps
        assert [place for start, end in ink.gaps for place in range(start, end)] == np.flatnonzero(
            alone.columns == 0
        ).tolist()
    assert own_inks([]) == []


@pytest.mark.parametrize("seed", range(20))
def test_runs_of_ink_are_those_of_opencv(seed: int) -> None:
    """Bit by bit, with OpenCV's own choice of the middle of an even number, and of what lies beyond the edge."""
    made = np.random.default_rng(seed)
    height, width = made.integers(1, 200), made.integers(1, 260)
    coarse = made.random((height // 3 + 1, width // 12 + 1), np.float32)
    ink = (cv2.resize(coarse, (int(width), int(height))) > 0.5).astype(np.uint8)
    thick = cv2.dilate(ink, np.ones((3, 1), np.uint8))
    opened = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, 36), np.uint8))
    wanted = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((1, 5), np.uint8))
    runs, (left, top) = _runs(cv2.transpose(ink))
    shown = np.zeros_like(wanted)
    shown[top : top + runs.shape[0], left : left + runs.shape[1]] = runs
    assert np.array_equal(shown, wanted)
