"""Rows of single letters become lines; columns of digits, words and everything else stay."""

from __future__ import annotations

import numpy as np
import pytest

from ocrspool.engine.apart import letters_joined
from ocrspool.engine.detect import Detected


def _box(left: float, top: float, width: float = 30, height: float = 40) -> Detected:
    corners = [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
    return Detected(np.array(corners, np.float32), 0.8)


def _heading(count: int, distance: float, top: float = 100) -> list[Detected]:
    return [_box(100 + distance * place, top + place % 3, height=40 + 8 * (place % 2)) for place in range(count)]


@pytest.mark.parametrize("distance", [45, 80, 140])
def test_a_row_of_letters_is_one_line(distance: float) -> None:
    (line,) = letters_joined(_heading(8, distance)[::-1])
    assert line.polygon.min(axis=0).tolist() == [100, 100]
    assert line.polygon[1].tolist() == [100 + 7 * distance + 30, 100]
    assert line.confidence == pytest.approx(0.8)


def test_two_rows_are_two_lines_and_what_is_no_letter_stays() -> None:
    word, upper, lower = _box(100, 20, width=300), _heading(6, 80), _heading(7, 80, top=200)
    found = letters_joined([*upper, word, *lower])
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
    assert letters_joined(boxes) == boxes
