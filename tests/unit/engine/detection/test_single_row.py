"""Which small pictures may be one row of text, and the paper put around them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrspool.engine.detection.single_row import one_row, padded


def _picture(text: str, size: int, margin: int, *, inverse: bool = False, bits: int = 8) -> NDArray[np.uint8]:
    font = ImageFont.load_default(size)
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox((0, 0), text, font=font)
    image = Image.new("L", (int(right - left) + 2 * margin, int(bottom - top) + 2 * margin), 255)
    ImageDraw.Draw(image).multiline_text((margin - left, margin - top), text, fill=0, font=font)
    pixels = np.array(image.convert("1").convert("L") if bits == 1 else image)
    return 255 - pixels if inverse else pixels


@pytest.mark.parametrize("size", [10, 21, 48, 200])
@pytest.mark.parametrize("margin", [0, 1, 5])
@pytest.mark.parametrize("text", ["7", "1", "i", "Ä", "g", "Total", "Invoice 4711"])
def test_one_row_is_found_with_all_of_its_ink(text: str, margin: int, size: int) -> None:
    for inverse in (False, True):
        for bits in (1, 8):
            picture = _picture(text, size, margin, inverse=inverse, bits=bits)
            box = one_row(picture)
            assert box is not None
            (left, top), (right, bottom) = box[0], box[2]
            assert 0 <= left < right <= picture.shape[1]
            assert 0 <= top < bottom <= picture.shape[0]
            outside = np.ones(picture.shape, bool)
            outside[int(top) : int(bottom), int(left) : int(right)] = False
            assert len(np.unique(picture[outside])) <= 1 or bits == 8


@pytest.mark.parametrize("picture", [_picture("Total\n12.50", 24, 3), _picture("one\ntwo\nthree", 24, 3)])
def test_several_rows_are_not_one(picture: NDArray[np.uint8]) -> None:
    assert one_row(picture) is None


def test_blank_flat_long_and_large_pictures_are_no_row() -> None:
    assert one_row(np.full((30, 60), 255, np.uint8)) is None
    assert one_row(np.full((3, 60), 0, np.uint8)) is None
    assert one_row(_picture("wide", 24, 2).repeat(60, axis=1)) is None
    assert one_row(_picture("7", 24, 400)) is None


@pytest.mark.parametrize("shape", [(20, 17), (20, 17, 3), (127, 4000, 3)])
def test_paper_is_put_around_small_pictures_in_their_own_color(shape: tuple[int, ...]) -> None:
    picture = np.full(shape, 200, np.uint8)
    picture[5:9, 5:9] = 0
    around, margin = padded(picture)
    assert around.shape[:2] == (shape[0] + 2 * margin, shape[1] + 2 * margin)
    assert (around[margin:-margin, margin:-margin] == picture).all()
    assert around[0, 0].tolist() == picture[0, 0].tolist()


def test_pages_and_slivers_are_left_alone() -> None:
    for shape in ((128, 128), (3, 500), (1, 1)):
        picture = np.full(shape, 255, np.uint8)
        assert padded(picture) == (picture, 0)
