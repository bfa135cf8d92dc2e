"""From pixels to polygons, with a net for which ink is text."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from ocrspool.engine.detection import detect
from ocrspool.engine.detection.detect import DetectSettings
from support.ink_net import InkNet


def _white(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width), 255, np.uint8)


def _bar(page: NDArray[np.uint8], top_left: tuple[int, int], bottom_right: tuple[int, int], level: int = 0) -> None:
    (left, top), (right, bottom) = top_left, bottom_right
    page[top : bottom + 1, left : right + 1] = level


def test_a_bar_is_found_grown_by_its_area_over_its_perimeter() -> None:
    page = _white(320, 640)
    _bar(page, (100, 100), (300, 120))
    (line,) = detect.detect(InkNet(), page, DetectSettings(unclip=1.4))
    by = 1.4 * (200 * 20) / (2 * (200 + 20))
    expected = [(100 - by, 100 - by), (300 + by, 100 - by), (300 + by, 120 + by), (100 - by, 120 + by)]
    assert line.polygon == pytest.approx(np.array(expected), abs=0.5)  # whole pixels
    assert line.confidence == pytest.approx(1)


def test_a_tilted_bar_starts_at_its_top_left_and_goes_clockwise() -> None:
    page = _white(320, 640)
    corners = cv2.boxPoints(((320, 160), (300, 24), 10)).astype(np.int32)
    cv2.fillConvexPoly(page, corners, 0)
    (line,) = detect.detect(InkNet(), page, DetectSettings())
    top_left, top_right, bottom_right, bottom_left = line.polygon.tolist()
    assert top_left[0] < top_right[0]
    assert top_left[1] < bottom_left[1]
    assert top_right[1] > top_left[1]  # falls to the right
    assert bottom_right[0] > bottom_left[0]
    assert cv2.contourArea(line.polygon, oriented=True) > 0  # clockwise where y points down


def test_a_pale_bar_is_no_text() -> None:
    page = _white(320, 640)
    _bar(page, (100, 100), (300, 120), level=155)  # 0.39: above the threshold, below that for boxes
    assert detect.detect(InkNet(), page, DetectSettings()) == []


def test_specks_are_no_text() -> None:
    page = _white(320, 640)
    _bar(page, (100, 100), (101, 101))
    assert detect.detect(InkNet(), page, DetectSettings()) == []


def test_grey_and_color_pages_give_the_same() -> None:
    page = _white(700, 500)
    _bar(page, (60, 200), (400, 230))
    grey = detect.detect(InkNet(), page, DetectSettings())
    color = detect.detect(InkNet(), cv2.cvtColor(page, cv2.COLOR_GRAY2BGR), DetectSettings())  # type: ignore[arg-type]
    assert len(grey) == 1
    assert grey[0].polygon.tolist() == color[0].polygon.tolist()


def test_polygons_come_back_in_pixels_of_the_page() -> None:
    page = _white(4000, 3000)
    _bar(page, (1000, 2000), (2000, 2099))
    (line,) = detect.detect(InkNet(), page, DetectSettings(unclip=0))
    assert line.polygon == pytest.approx(np.array([(1000, 2000), (2000, 2000), (2000, 2099), (1000, 2099)]), abs=4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 20000), (20000, 1), (3, 3), (4, 30000), (7000, 5000), (31, 33)])
def test_any_size_of_page_stays_within_the_profile(shape: tuple[int, int]) -> None:
    net = InkNet()
    assert detect.detect(net, _white(*shape), DetectSettings()) == []
    for _, height, width, _ in net.shapes:
        assert 32 <= height <= 2048
        assert 32 <= width <= 2048
        assert height % 32 == width % 32 == 0


def test_lines_of_a_long_page_are_found_once_whichever_tile_they_lie_in() -> None:
    page = _white(12000, 160)
    tops = list(range(20, 11900, 90))
    for top in tops:
        _bar(page, (20, top), (140, top + 20))
    net = InkNet(most=1024)
    lines = detect.detect(net, page, DetectSettings())
    assert len(net.shapes) > 1
    assert sorted(round(float(line.polygon[0, 1])) for line in lines) == pytest.approx(
        [top - 12 for top in tops], abs=4
    )


def test_tiles_of_a_page_are_searched_together_by_a_net_that_takes_several() -> None:
    """Two at a time: half as many calls, and the same lines as one by one."""
    page = _white(12000, 160)
    for top in range(20, 11900, 90):
        _bar(page, (20, top), (140, top + 20))
    one, two = InkNet(most=1024), InkNet(most=1024)
    two.batch = 2
    lines, others = (detect.detect(net, page, DetectSettings()) for net in (one, two))
    assert len(two.shapes) == -(-len(one.shapes) // 2) > 1
    assert [line.polygon.tolist() for line in lines] == [line.polygon.tolist() for line in others]


@given(st.integers(1, 40000), st.integers(1, 40000), st.integers(320, 2000), st.sampled_from(["area", "side"]))
def test_map_sizes_are_multiples_of_the_stride_and_bounded(
    height: int, width: int, side: int, bound: Literal["area", "side"]
) -> None:
    rows, columns = detect.map_size(height, width, DetectSettings(side=side, bound=bound))
    assert rows % 32 == columns % 32 == 0
    assert rows <= height + 32
    assert columns <= width + 32
    if min(rows, columns) > 32:
        assert rows * columns <= 1.6 * side * side


@pytest.mark.parametrize(
    ("height", "width", "expected"), [(1013, 463, (960, 448)), (960, 704, (960, 704)), (80, 48, (64, 64))]
)
def test_a_bounded_side_gives_the_sizes_of_paddleocr(height: int, width: int, expected: tuple[int, int]) -> None:
    assert detect.map_size(height, width, DetectSettings(side=960, bound="side")) == expected


@given(
    arrays(
        np.float32,
        array_shapes(min_dims=2, max_dims=2, max_side=40),
        elements=st.floats(width=32) | st.sampled_from([0.0, 0.3, 0.5, 1.0]),
        fill=st.sampled_from([np.float32(value) for value in (0, 0.5, 1, 7, np.nan, np.inf, -np.inf)]),
    )
)
@settings(deadline=None)
def test_any_map_gives_boxes_that_are_numbers(probability: NDArray[np.float32]) -> None:
    """A net that overflows says anything; what comes of it still fits the result's schema."""
    for polygon, confidence in detect.boxes(probability, DetectSettings()):
        assert polygon.shape == (4, 2)
        assert np.isfinite(polygon).all()
        assert 0 <= confidence <= 1
