"""Cutting lines out of a page."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ocrspool.engine.reading.crop import Cuts, crop, is_vertical, quarter_turned


def _polygon(left: float, top: float, right: float, bottom: float) -> NDArray[np.float32]:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)


def _noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_a_level_polygon_shows_what_is_there() -> None:
    page = _noise(60, 80)
    assert np.array_equal(crop(page, _polygon(10, 20, 50, 40)), page[20:40, 10:50])


def test_a_level_line_is_not_warped_where_its_rectangle_misses_whole_numbers() -> None:
    """OpenCV finds 1267.9998 here. The pixels are the page's own all the same."""
    page = _noise(1300, 2000)
    line = crop(page, _polygon(1268, 788, 1832, 1254))
    assert np.shares_memory(line, page)
    assert np.array_equal(line, page[788:1254, 1268:1832])


def test_grey_stays_grey() -> None:
    assert crop(_noise(60, 80)[..., 0], _polygon(10, 20, 50, 40)).shape == (20, 40)


def test_quarter_turns_undo_a_turned_page() -> None:
    page = cv2.GaussianBlur(_noise(60, 80), (0, 0), 3).astype(np.uint8)
    line = crop(page, _polygon(10, 20, 50, 40)).astype(int)
    clockwise = np.ascontiguousarray(np.rot90(page, -1))  # the line runs down now, in columns 20 to 40 from the right
    down = crop(clockwise, quarter_turned(_polygon(20, 10, 40, 50), 1)).astype(int)
    assert down.shape == line.shape
    assert np.array_equal(down, line)
    counter = np.ascontiguousarray(np.rot90(page))
    up = crop(counter, quarter_turned(_polygon(20, 30, 40, 70), 3)).astype(int)
    assert np.array_equal(up, line)


def test_a_tilted_line_comes_out_level() -> None:
    page = np.full((200, 300), 255, np.uint8)
    tilted = cv2.boxPoints(((150, 100), (160, 20), 15)).astype(np.float32)
    cv2.fillConvexPoly(page, tilted.astype(np.int32), 0)
    order = np.argsort(tilted[:, 0])
    (a, b), (c, d) = sorted(tilted[order[:2]], key=lambda p: p[1]), sorted(tilted[order[2:]], key=lambda p: p[1])
    strip = crop(page, np.array([a, c, d, b], np.float32))
    assert strip.shape == pytest.approx((20, 160), abs=1)  # fractions are cut off, as PP-OCR does
    assert strip.mean() < 20


def test_what_lies_outside_the_page_repeats_its_edge() -> None:
    page = np.zeros((20, 20), np.uint8)
    page[:, 10:] = 200
    polygon = np.array([(5, 2), (35, 4), (34.6, 14), (4.6, 12)], np.float32)
    assert crop(page, polygon)[:, -10:].min() == 200


@pytest.mark.parametrize(("size", "vertical"), [((30, 10), False), ((10, 14), False), ((10, 15), True)])
def test_vertical_from_one_and_a_half_on(size: tuple[int, int], vertical: bool) -> None:  # noqa: FBT001  # a parameter
    assert is_vertical(_polygon(0, 0, *size)) is vertical


@given(st.lists(st.floats(-50, 150, width=32), min_size=8, max_size=8))
def test_any_polygon_gives_at_least_a_pixel(numbers: list[float]) -> None:
    strip = crop(_noise(40, 100), np.array(numbers, np.float32).reshape(4, 2))
    assert min(strip.shape[:2]) >= 1


def test_a_line_that_was_seen_is_not_cut_again() -> None:
    """The classifier sees the longest lines of a page, and they are read afterwards."""
    page = np.arange(200 * 300, dtype=np.uint8).reshape(200, 300)
    tilted = cv2.boxPoints(((150, 100), (80, 20), 5.0)).astype(np.float32)
    cuts = Cuts(page)
    seen = cuts.see(tilted)
    assert cuts.see(tilted.copy()) is seen
    assert cuts.take(tilted) is seen
    again = cuts.take(tilted)
    assert again is not seen
    assert np.array_equal(again, crop(page, tilted))
