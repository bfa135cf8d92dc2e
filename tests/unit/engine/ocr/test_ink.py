"""Blank pages and others."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ocrspool.engine.ocr.ink import has_ink, is_even

SIZE = (1100, 850)


def _noisy(level: int, deviation: float = 6) -> NDArray[Any]:
    noise: NDArray[np.float64] = np.random.default_rng(1).normal(level, deviation, SIZE)
    return np.clip(noise, 0, 255).astype(np.uint8)


def _shaded() -> NDArray[Any]:
    return np.tile(np.linspace(150, 250, SIZE[1]).astype(np.uint8), (SIZE[0], 1))


def _with_lid_shadow() -> NDArray[Any]:
    page = _noisy(245)
    page[:, :12] = 20
    page[-9:] = 40
    return page


def _with_specks() -> NDArray[Any]:
    page = _noisy(245)
    for y, x in np.random.default_rng(2).integers(50, 800, (40, 2)):
        page[y : y + 2, x : x + 2] = 60
    return page


@pytest.mark.parametrize(
    "page",
    [
        *(np.full(SIZE, level, np.uint8) for level in (0, 90, 128, 255)),
        *(np.full((side, side), 255, np.uint8) for side in (1, 2, 3, 20)),
        np.full((1, 3000), 255, np.uint8),
        np.full((*SIZE, 3), (40, 90, 200), np.uint8),
        *map(_noisy, (20, 128, 245)),
        _noisy(235, 20),
        _shaded(),
        _with_lid_shadow(),
        _with_specks(),
    ],
)
def test_a_blank_page_has_none(page: NDArray[np.uint8]) -> None:
    assert not has_ink(page)


@pytest.mark.parametrize("paper", [255, 200, 0])
def test_a_single_digit_is_ink(paper: int) -> None:
    page = np.full((2200, 1700), paper, np.uint8)
    cv2.putText(page, "7", (800, 2000), cv2.FONT_HERSHEY_SIMPLEX, 1.5, 255 if paper == 0 else 0, 3)
    assert has_ink(page)


def test_a_drawing_a_color_and_a_small_picture_are_ink() -> None:
    drawing = _noisy(245)
    cv2.circle(drawing, (400, 500), 200, 60, 4)
    color = np.full((*SIZE, 3), 255, np.uint8)
    cv2.rectangle(color, (300, 300), (340, 340), (0, 0, 255), -1)
    small = np.full((21, 17), 255, np.uint8)
    small[4:17, 6:9] = 0
    assert has_ink(drawing)
    assert has_ink(color)
    assert has_ink(small)


@pytest.mark.parametrize("shape", [(1, 1), (16, 16), (1, 3000), (700, 33), (40, 31, 3), SIZE, (*SIZE, 3)])
@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_a_page_of_one_grey_is_even(shape: tuple[int, ...], level: int) -> None:
    page = np.full(shape, level, np.uint8)
    page.flags.writeable = False
    assert is_even(page)
    assert is_even(np.stack([page, page])[0])


@pytest.mark.parametrize("shape", [(2, 2), (16, 16), (1, 3000), (40, 31, 3), SIZE, (*SIZE, 3)])
def test_one_level_more_anywhere_is_enough(shape: tuple[int, ...]) -> None:
    size = int(np.prod(shape))
    for place in {0, 1, size // 2, size - 2, size - 1}:
        page = np.full(shape, 254, np.uint8)
        page.flat[place] = 255
        assert not is_even(page), place


def test_a_page_of_one_color_is_looked_at() -> None:
    assert not is_even(np.full((40, 30, 3), (40, 90, 200), np.uint8))
