"""Which way up a page is, with lines that carry a mark where they begin."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ocrspool.engine.reading.crop import crop
from ocrspool.engine.reading.orientation import Rotation, page_rotation, turned_back, turned_page, upside_down
from ocrspool.engine.reading.recognize import Reading
from ocrspool.engine.spec import ShapeProfile

ROTATIONS: list[Rotation] = [0, 90, 180, 270]
HEIGHT, WIDTH = 200, 300


class MarkNet:
    """A classifier that finds lines upside down whose top left is not dark, or all of them if it is a pessimist."""

    parallel = 1
    batch = 4
    profile = ShapeProfile((1, 48, 192, 3), (4, 48, 192, 3), (4, 48, 192, 3))
    warm_up = ()

    def __init__(self, *, pessimist: bool = False) -> None:
        self._pessimist = pessimist

    def __call__(self, batch: NDArray[np.uint8]) -> tuple[NDArray[Any], ...]:
        assert len(batch) <= self.batch
        assert batch.shape[1:] == (48, 192, 3)
        turned = (batch[:, :20, :16].mean(axis=(1, 2, 3)) > 60) | self._pessimist
        return (np.stack([~turned, turned], axis=1).astype(np.float32),)


def _read_marks(lines: list[NDArray[np.uint8]]) -> list[Reading]:
    """Read lines well that are dark at their top left; a line six times as long as high holds six characters."""
    marked = [line[: line.shape[0] // 3, : max(line.shape[1] // 20, 1)].mean() < 60 for line in lines]
    lengths = [line.shape[1] // line.shape[0] for line in lines]
    return [Reading("a" * length, 0.95 if good else 0.5) for length, good in zip(lengths, marked, strict=True)]


def _page() -> tuple[NDArray[np.uint8], list[NDArray[np.float32]]]:
    """Return a page of three lines that begin with a dark mark, and their polygons."""
    page = np.full((HEIGHT, WIDTH), 255, np.uint8)
    polygons = []
    for top in (20, 80, 140):
        page[top : top + 30, 40:240] = 128
        page[top : top + 15, 40:80] = 0
        polygons.append(np.array([(40, top), (240, top), (240, top + 30), (40, top + 30)], np.float32))
    return page, polygons


def _level(polygon: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same box with the corner first that is top left on the page, as detection gives it."""
    (left, top), (right, bottom) = polygon.min(axis=0), polygon.max(axis=0)
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)


def _lying(rotation: Rotation) -> tuple[NDArray[np.uint8], list[NDArray[np.float32]]]:
    """Return the page as it lies on a scanner so that it has to be turned by `rotation`."""
    page, polygons = _page()
    away = ROTATIONS[-rotation // 90 % 4]
    scan = turned_page(page, away)
    return scan, [_level(turned_back(polygon, rotation, *scan.shape)) for polygon in polygons]


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_each_rotation_is_found(rotation: Rotation) -> None:
    scan, polygons = _lying(rotation)
    assert page_rotation(partial(crop, scan), polygons, MarkNet(), _read_marks) == rotation


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_polygons_come_back_to_the_page_as_it_lies(rotation: Rotation) -> None:
    """The mark lies at the first corner of each line, on the scan as on the upright page."""
    _, polygons = _page()
    scan, _ = _lying(rotation)
    for polygon in polygons:
        back = turned_back(polygon, rotation, *scan.shape)
        inside = back[0] + (back.mean(axis=0) - back[0]) * 0.1
        x, y = inside.astype(int)
        assert scan[y, x] == 0


def test_a_classifier_that_errs_is_overruled_by_what_can_be_read() -> None:
    page, polygons = _page()
    assert page_rotation(partial(crop, page), polygons, MarkNet(pessimist=True), _read_marks) == 0


def test_a_page_without_lines_stays() -> None:
    page, _ = _page()
    assert page_rotation(partial(crop, page), [], MarkNet(), _read_marks) == 0


def test_sideways_lines_that_cannot_be_read_stay() -> None:
    scan, polygons = _lying(90)
    assert (
        page_rotation(partial(crop, scan), polygons, MarkNet(), lambda lines: [Reading("?", 0.6) for _ in lines]) == 0
    )


def test_vertical_columns_are_no_sideways_page() -> None:
    """Columns read well lying on their side, but their glyphs laid side by side read well too."""
    scan, polygons = _lying(270)
    sizes: list[tuple[int, ...]] = []

    def read(lines: list[NDArray[np.uint8]]) -> list[Reading]:
        sizes.extend(line.shape for line in lines)
        return [Reading("文字列行", 0.97) if line.shape[1] > line.shape[0] else Reading("", 0) for line in lines]

    upward_is_worse = iter([0.5, 1.0, 1.0])

    def judged(lines: list[NDArray[np.uint8]]) -> list[Reading]:
        factor = next(upward_is_worse)
        return [Reading(one.text, one.confidence * factor) for one in read(lines)]

    assert page_rotation(partial(crop, scan), polygons, MarkNet(), judged) == 0
    assert sizes[-1] == (50, 120)  # four glyphs of 30 by 50


class StretchedNet(MarkNet):
    """A classifier with a shape of its own; remembers what it was shown."""

    profile = ShapeProfile((1, 80, 160, 3), (4, 80, 160, 3), (4, 80, 160, 3))

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[NDArray[np.uint8]] = []

    def __call__(self, batch: NDArray[np.uint8]) -> tuple[NDArray[Any], ...]:
        assert batch.shape[1:] == (80, 160, 3)
        self.seen.extend(batch)
        return (np.tile(np.array([[1.0, 0.0]], np.float32), (len(batch), 1)),)


def test_a_classifier_of_another_height_sees_the_whole_line_red_first() -> None:
    """PP-LCNet's classifiers want 80 x 160 whatever the line's aspect, and were trained on red, green, blue."""
    long = np.zeros((30, 900, 3), np.uint8)
    long[:, :, 0] = 200  # blue
    long[:, 450:] = 50
    net = StretchedNet()
    assert not upside_down(net, [lambda: long, lambda: np.full((30, 10), 7, np.uint8)])
    color, grey = net.seen[:2]
    assert color[40, 20].tolist() == [0, 0, 200]
    assert color[40, 140].tolist() == [50, 50, 50]
    assert (grey == 7).all()


class ToldNet(MarkNet):
    """A classifier that says of each line what its pixels say, in percent; counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __call__(self, batch: NDArray[np.uint8]) -> tuple[NDArray[Any], ...]:
        self.calls += 1
        turned = batch[:, 0, 0, 0].astype(np.float32) / 100
        return (np.stack([1 - turned, turned], axis=1),)


def _told(percents: list[int]) -> tuple[bool, int]:
    """Return the answer for lines of these likelihoods, and how often the net was asked."""
    net = ToldNet()
    lines = [partial(np.full, (48, 192, 3), percent, np.uint8) for percent in percents]
    return upside_down(net, lines), net.calls


@given(st.lists(st.integers(0, 100), min_size=1, max_size=12))
def test_the_answer_is_that_of_all_lines(percents: list[int]) -> None:
    assume(abs(sum(percents) - 50 * len(percents)) > 1)  # where sums of floats may round either way
    assert _told(percents)[0] == (sum(percents) > 50 * len(percents))


def test_no_line_is_shown_that_cannot_change_the_answer() -> None:
    assert _told([0] * 12) == (False, 2)
    assert _told([100] * 12) == (True, 2)
    assert _told([100] * 6 + [0] * 6) == (False, 3)
