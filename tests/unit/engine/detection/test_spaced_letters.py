"""Rows of single letters become lines; columns of digits, words and everything else stay."""

from __future__ import annotations

import numpy as np
import pytest

from ocrspool.engine.detection.detect import Detected
from ocrspool.engine.detection.spaced_letters import letters_joined

PAGE = np.full((900, 3000), 255, np.uint8)
PAGE.flags.writeable = False


def _box(left: float, top: float, width: float = 30, height: float = 40) -> Detected:
    corners = [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
    return Detected(np.array(corners, np.float32), 0.8)


def _heading(count: int, distance: float, top: float = 100) -> list[Detected]:
    return [_box(100 + distance * place, top + place % 3, height=40 + 8 * (place % 2)) for place in range(count)]


@pytest.mark.parametrize("distance", [45, 80, 140])
def test_a_row_of_letters_is_one_line(distance: float) -> None:
    (line,) = letters_joined(PAGE, _heading(8, distance)[::-1])
    assert line.polygon.min(axis=0).tolist() == [100, 100]
    assert line.polygon[1].tolist() == [100 + 7 * distance + 30, 100]
    assert line.confidence == pytest.approx(0.8)


def test_two_rows_are_two_lines_and_what_is_no_letter_stays() -> None:
    word, upper, lower = _box(100, 20, width=300), _heading(6, 80), _heading(7, 80, top=200)
    found = letters_joined(PAGE, [*upper, word, *lower])
    assert len(found) == 3
    assert found[0] is word


@pytest.mark.parametrize(
    "boxes",
    [
        _heading(4, 80),
        [_box(100 + 300 * place, 100) for place in range(8)],
        [_box(100, 60 * place) for place in range(8)],
        [*_heading(2, 45), *(_box(box.polygon[0, 0] + 190, 100) for box in _heading(3, 45))],
        [],
    ],
)
def test_few_far_stacked_and_uneven_boxes_stay(boxes: list[Detected]) -> None:
    assert letters_joined(PAGE, boxes) == boxes


def _with_ink(width: int, gap: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Return a page with letters of a width and a gap between them, from 100 to 700."""
    page = np.full((300, 900), 255, np.uint8)
    for left in range(105, 690, width + gap):
        page[105:135, left : left + width] = 0
    return page


def test_pieces_of_a_spaced_row_are_one_line() -> None:
    pieces = [_box(100, 100), _box(170, 101), _box(240, 100, width=460)]
    (line,) = letters_joined(_with_ink(20, 40), pieces)
    assert (line.polygon[0].tolist(), line.polygon[2].tolist()) == ([100, 100], [700, 141])
    overlapping = [_box(100, 100, width=310), _box(390, 101, width=310)]
    assert len(letters_joined(_with_ink(20, 40), overlapping)) == 1


def test_ordinary_words_beside_single_signs_stay() -> None:
    cells = [_box(100, 100), _box(170, 101), _box(240, 100, width=460)]
    assert letters_joined(_with_ink(20, 3), cells) == cells
    assert letters_joined(PAGE, cells) == cells
    words = [_box(100, 100, width=280), _box(400, 101, width=300)]
    assert letters_joined(_with_ink(20, 40), words) == words
