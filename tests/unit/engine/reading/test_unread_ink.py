"""Ink without letters, on strips that are drawn with bars for letters."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrspool.engine.reading.unread_ink import Letter, unread_ink

PITCH = 24
"""Pixels from letter to letter."""


def _strip(letters: int, *, paper: int = 255, ink: int = 0) -> NDArray[np.uint8]:
    strip = np.full((48, letters * PITCH, 3), paper, np.uint8)
    for place in range(letters):
        strip[12:40, place * PITCH + 4 : place * PITCH + 20 - place % 3 * 2] = ink
    return strip


def test_a_row_of_asterisks_is_no_script() -> None:
    strip = np.full((48, 12 * PITCH, 3), 255, np.uint8)
    for place in range(12):
        strip[12:40, place * PITCH + 4 : place * PITCH + 18 + place % 2] = 0
    assert unread_ink(strip, []).unread == 0


def test_broad_letters_reach_further() -> None:
    strip = np.full((48, 12 * 40, 3), 255, np.uint8)
    for left in range(0, 12 * 40, 40):
        strip[12:40, left + 2 : left + 38] = 0
    letters = [Letter("m" if place % 2 else "i", left + 20) for place, left in enumerate(range(0, 12 * 40, 40))]
    assert unread_ink(strip, letters).unread == 0


def _read(*places: int, text: str = "a") -> list[Letter]:
    return [Letter(text, place * PITCH + PITCH / 2) for place in places]


@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (0, 255), (200, 90)])
def test_ink_between_letters_that_came_out_is_counted_whatever_its_color(paper: int, ink: int) -> None:
    strip = _strip(12, paper=paper, ink=ink)
    assert unread_ink(strip, _read(*range(12))).total == 0
    found = unread_ink(strip, _read(0, 1, 2, 3, 4, 5, 8, 9, 10, 11))
    assert found.pieces == 2
    assert 0.05 < found.unread / found.total < 0.2


def test_a_line_of_which_nothing_came_out_is_all_unread() -> None:
    found = unread_ink(_strip(12), [])
    assert (found.unread, found.pieces, found.total) == (12 * 14, 12, 12 * 14)
    assert unread_ink(_strip(12), [Letter(" ", 100)]) == found  # a space is no letter


def test_wide_letters_reach_further_than_narrow_ones() -> None:
    strip = np.full((48, 4 * 48, 3), 255, np.uint8)
    for left in range(0, 4 * 48, 48):
        strip[6:44, left + 2 : left + 46] = 0
    assert unread_ink(strip, [Letter("国", left + 24) for left in range(0, 4 * 48, 48)]).unread == 0


@pytest.mark.parametrize("height", [2, 10])
def test_rules_dashes_and_leaders_are_no_letters(height: int) -> None:
    strip = np.full((48, 600, 3), 255, np.uint8)
    strip[24 : 24 + height, 100:500] = 0  # a rule
    strip[24 : 24 + height, 520:560] = 0  # a dash
    strip[36:42, 0:100:12] = 0  # dots
    strip[36:42, 1:100:12] = 0
    assert unread_ink(strip, []).unread == 0


def test_noise_is_no_ink() -> None:
    noise = np.random.default_rng(1).normal(235, 8, (48, 600, 3)).clip(0, 255).astype(np.uint8)
    assert unread_ink(noise, []).unread == 0
    assert unread_ink(np.full((48, 32, 3), 127, np.uint8), []).unread == 0


@pytest.mark.parametrize("width", [1, 2, 9, 10, 31, 95, 96, 3200])
def test_a_strip_of_any_width_has_an_answer(width: int) -> None:
    strip = np.random.default_rng(width).integers(0, 255, (48, width, 3), dtype=np.uint8)
    found = unread_ink(strip, [])
    assert 0 <= found.unread <= found.total <= width
