"""Strips of wide letters, made narrower for a second reading."""

from __future__ import annotations

import numpy as np
import pytest

from ocrspool.engine.reading.narrowing import narrowed, put_back
from ocrspool.engine.reading.recognize import Reading
from ocrspool.engine.reading.unread_ink import Ink, Letter


def strip(width: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """Return a strip with one dark column in the middle."""
    pixels = np.full((48, width, 3), 255, np.uint8)
    pixels[:, width // 2 - 4 : width // 2 + 4] = 0
    return pixels


def letters(text: str, pitch: float) -> list[Letter]:
    return [Letter(character, pitch * (place + 0.5)) for place, character in enumerate(text)]


@pytest.mark.parametrize(
    ("text", "pitch", "width"),
    [
        ("Total 12.50", 24.0, 192),  # 264 pixels: 176 would do, and 192 is given to nets without padding
        ("Total 12.50", 16.0, 264),
        ("Total 12.50", 12.0, 264),  # never made wider
        ("Total 12.50", 60.0, 160),  # six tenths: the first reader may have left letters out
        ("one", 60.0, 264),  # too few to tell
        ("", 0.0, 264),
        ("总计 12.50", 24.0, 264),  # as wide as high
        ("Total 12.50", 17.0, 256),
    ],
)
def test_letters_are_given_two_steps_of_the_net(text: str, pitch: float, width: int) -> None:
    whole = strip(264)
    found = narrowed(whole, letters(text, pitch), 16)
    assert found.shape == (48, width, 3)
    assert (found is whole) == (width == whole.shape[1])
    dark = np.flatnonzero(found[24, :, 0] < 128)
    assert abs((dark[0] + dark[-1] + 1) / 2 - width / 2) <= 1


def test_a_strip_that_is_hardly_wider_stays_as_it_is() -> None:
    """Its letters would do with 250 of 255 pixels, and no step of the net is saved."""
    whole = strip(255)
    assert narrowed(whole, letters("Total 12.50", 16.3), 16) is whole


def test_places_are_those_on_the_strip_itself() -> None:
    """Words are cut out of the strip, and unread ink is counted in its columns."""
    whole = strip(300)
    reading = Reading("ab", 0.9, Ink(10, 2, 40), (Letter("a", 40.0, 0.8), Letter("b", 110.0, 1.0)))
    found = put_back(reading, 150, whole)
    assert found.letters == (Letter("a", 80.0, 0.8), Letter("b", 220.0, 1.0))
    assert found.ink == Ink(20, 2, 80)
    assert (found.text, found.confidence) == (reading.text, reading.confidence)
    assert put_back(reading, 300, whole) is reading
