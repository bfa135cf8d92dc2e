"""Pixel formats: whatever comes in, what is black stays black and what is white stays white."""

from __future__ import annotations

import io
import math

import pytest
from PIL import Image

from ocrspool.decoding.child import pixels
from ocrspool.errors import DocumentError
from support import sample_files


def _plain(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return pixels.flatten(pixels.to_plain(image))


def _levels(image: Image.Image) -> list[int]:
    assert image.mode == "L"
    return list(image.tobytes())


@pytest.mark.parametrize(
    "data",
    [
        sample_files.grey16_png(sample_files.ramp(9)),
        sample_files.grey16_tiff("<", sample_files.ramp(9)),
        sample_files.grey16_tiff(">", sample_files.ramp(9)),
        sample_files.grey16_tiff("<", sample_files.ramp(9, white=4095)),
        sample_files.grey16_tiff(">", sample_files.ramp(9, white=255)),
        sample_files.float_tiff(sample_files.ramp(9, white=1)),
        sample_files.float_tiff(sample_files.ramp(9, white=255)),
        sample_files.float_tiff(sample_files.ramp(9, black=-3, white=1e6)),
    ],
    ids=["png", "little-endian", "big-endian", "12-bit", "8-bit", "unit", "byte", "any"],
)
def test_deep_grey_is_scaled(data: bytes) -> None:
    """Sixteen bits and floats keep their whole range, instead of turning white above 255."""
    expected = sample_files.ramp(9, white=255)
    assert all(abs(a - b) <= 1 for a, b in zip(_levels(_plain(data)), expected, strict=True))


def test_deep_grey_on_one_level() -> None:
    """An image without any contrast is no division by zero."""
    assert len(set(_levels(_plain(sample_files.float_tiff([7e9, 7e9]))))) == 1


@pytest.mark.parametrize("level", [math.nan, math.inf])
def test_not_a_number(level: float) -> None:
    """Pixels that are no numbers are an error of the file."""
    with pytest.raises(DocumentError) as caught:
        _plain(sample_files.float_tiff([level, 0.0]))
    assert caught.value.kind == "damaged"


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "LA", "La", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"]
)
def test_every_mode_becomes_grey_or_color(mode: str) -> None:
    """Black and white survive from every mode that Pillow has."""
    for level in (0, 255):
        source = Image.new("L", (4, 4), level)
        if mode in {"LAB", "CMYK", "YCbCr", "HSV", "RGBX"}:
            source = source.convert("RGB")
        image = pixels.flatten(pixels.to_plain(_in_mode(source, mode)))
        assert image.mode in {"L", "RGB"}
        assert all(abs(seen - level) <= 2 for seen in _levels(image.convert("L")))


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    if mode == "LAB":
        neutral = Image.new("L", image.size, 128)
        return Image.merge("LAB", (image.convert("L"), neutral, neutral))
    for step in {"La": ("LA", "La"), "PA": ("P", "PA")}.get(mode, (mode,)):
        image = image.convert(step)
    return image


def test_grey_palette_is_grey() -> None:
    """A palette of greys needs one channel, one of colors three."""
    assert pixels.to_plain(sample_files.words().convert("P")).mode == "L"
    assert pixels.to_plain(sample_files.corners().quantize(4)).mode == "RGB"


@pytest.mark.parametrize(
    ("color", "background"),
    [
        ((255, 255, 255), 0),
        ((240, 250, 255), 0),
        ((0, 0, 0), 255),
        (sample_files.RED, 255),
        (sample_files.GREEN, 255),
    ],
)
def test_words_stand_out_from_what_lies_behind(color: tuple[int, int, int], background: int) -> None:
    """White words lie on black, all others on white."""
    image = _plain(sample_files.on_transparent(color))
    assert image.getpixel((0, 0)) == (background,) * 3
    levels = _levels(image.convert("L"))
    assert max(levels) - min(levels) > 100


def test_transparent_paper_is_white() -> None:
    """The color that a palette hides behind transparency is not seen."""
    image = _plain(sample_files.palette_png())
    assert image.getpixel((119, 0)) == (255, 255, 255)
    assert image.getpixel((0, 0)) == sample_files.RED


@pytest.mark.parametrize(("mode", "key"), [("L", 255), ("1", 255), ("RGB", (255, 255, 255))])
def test_color_key(mode: str, key: int | tuple[int, int, int]) -> None:
    """A PNG may name one color that is transparent: mostly the paper, and that is white."""
    data = sample_files.png(sample_files.words().convert(mode), transparency=key)
    assert _plain(data).convert("L").getextrema() == (0, 255)


def test_alpha_of_zero_everywhere_is_ignored() -> None:
    """Some programs write 32-bit images and leave the fourth byte empty."""
    image = Image.merge("RGBA", (*sample_files.corners().split(), Image.new("L", sample_files.SIZE, 0)))
    assert pixels.flatten(image).getpixel((0, 0)) == sample_files.RED
