"""Words of a line: which letters they have, and where their ink is."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ocrspool.engine.reading.own_ink import own_ink
from ocrspool.engine.reading.recognize import Reading
from ocrspool.engine.reading.unread_ink import Letter
from ocrspool.engine.reading.words import Box, Measured, as_in, characters, words, words_as_read

INK = (40, 40, 40)


def strip(width: int, *bars: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Return a strip of paper with bars of ink: left, top, right, bottom."""
    made = np.full((48, width, 3), 255, np.uint8)
    for left, top, right, bottom in bars:
        made[top:bottom, left:right] = INK
    return made


def reading(*letters: tuple[str, float]) -> Reading:
    read = tuple(Letter(text, x, 0.5 if text == "?" else 1.0) for text, x in letters)
    return Reading("".join(text for text, _ in letters), 1.0, letters=read)


def boxes(found: Sequence[Measured], width: int) -> list[tuple[str, tuple[int, ...]]]:
    """Return texts and boxes in pixels of the strip."""
    return [
        (text, (round(box[0] * width), round(box[1] * 48), round(box[2] * width), round(box[3] * 48)))
        for text, _, box in found
    ]


def test_a_word_ends_where_its_ink_ends() -> None:
    """The places of the letters are coarse; the boxes are those of the ink."""
    line = strip(200, (10, 12, 30, 36), (34, 20, 60, 36), (84, 8, 120, 40))
    read = reading(("a", 22.0), ("b", 44.0), (" ", 68.0), ("c", 100.0))
    assert boxes(words([own_ink(line)], [read]), 200) == [("ab", (10, 12, 60, 36)), ("c", (84, 8, 120, 40))]


def test_characters_on_request() -> None:
    """Each has its own ink; the space has none."""
    line = strip(200, (10, 12, 30, 36), (34, 20, 60, 36), (84, 8, 120, 40))
    read = reading(("a", 22.0), ("b", 44.0), (" ", 68.0), ("c", 100.0))
    found = boxes(characters([own_ink(line)], [read]), 200)
    assert found == [("a", (10, 12, 30, 36)), ("b", (34, 20, 60, 36)), ("c", (84, 8, 120, 40))]


def test_letters_that_touch_are_cut_where_there_is_the_least_ink() -> None:
    line = strip(100, (10, 12, 40, 36), (40, 22, 46, 26), (46, 12, 80, 36))
    found = boxes(characters([own_ink(line)], [reading(("a", 25.0), ("b", 63.0))]), 100)
    assert [text for text, _ in found] == ["a", "b"]
    assert 40 <= found[0][1][2] <= 46


def test_han_and_kana_are_words_of_their_own_and_hangul_is_not() -> None:
    line = strip(160, (4, 8, 36, 40), (44, 8, 76, 40), (84, 8, 116, 40), (120, 8, 152, 40))
    read = reading(("漢", 20.0), ("字", 60.0), ("한", 100.0), ("글", 136.0))
    assert [text for text, _ in boxes(words([own_ink(line)], [read]), 160)] == ["漢", "字", "한글"]


def test_light_ink_on_dark_paper() -> None:
    line = 255 - strip(100, (10, 12, 40, 36))
    assert boxes(words([own_ink(line)], [reading(("a", 25.0))]), 100) == [("a", (10, 12, 40, 36))]


@pytest.mark.parametrize(
    "other",
    [(0, 0, 100, 5), (60, 0, 90, 4), (60, 43, 90, 48), (0, 46, 100, 48)],
    ids=["rule above", "descender of the line above", "ascender of the line below", "rule below"],
)
def test_ink_of_other_lines_is_left_out(other: tuple[int, int, int, int]) -> None:
    """What hangs into the strip from above or below does not make a word higher or longer."""
    line = strip(100, (10, 12, 80, 36), other)
    assert boxes(words([own_ink(line)], [reading(("a", 45.0))]), 100) == [("a", (10, 12, 80, 36))]


def test_a_line_in_several_strips() -> None:
    """Boxes are shares of the whole line."""
    first, second = strip(100, (10, 12, 40, 36)), strip(300, (20, 12, 60, 36))
    found = words([own_ink(first), own_ink(second)], [reading(("a", 25.0)), reading(("b", 40.0))])
    assert boxes(found, 400) == [("a", (10, 12, 40, 36)), ("b", (120, 12, 160, 36))]


def test_ink_too_faint_to_be_measured() -> None:
    """A word keeps a box: the room that its letters have."""
    faint = np.full((48, 100, 3), 250, np.uint8)
    ((text, (left, top, right, bottom)),) = boxes(words([own_ink(faint)], [reading(("a", 40.0), ("b", 60.0))]), 100)
    assert text == "ab"
    assert 0 <= left < 40
    assert 60 < right <= 100
    assert 0 <= top < bottom <= 48


def test_a_letter_beyond_the_end_of_the_strip() -> None:
    """The net may see one in the paper that fills its batch up."""
    line = strip(100, (10, 12, 40, 36))
    found = words([own_ink(line)], [reading(("a", 25.0), (" ", 90.0), ("b", 108.0), (" ", 112.0), ("c", 116.0))])
    assert [word.text for word in found] == ["a", "b", "c"]
    assert all(0 <= word.box.left <= word.box.right <= 1 for word in found)


def test_no_letters() -> None:
    assert words([own_ink(strip(50))], [reading()]) == []


def test_certainty_is_the_mean_over_the_word() -> None:
    line = strip(100, (10, 12, 40, 36))
    ((_, certainty, _),) = words([own_ink(line)], [reading(("a", 20.0), ("?", 30.0))])
    assert certainty == pytest.approx(0.75)


def test_what_is_taken_out_of_the_text_is_taken_out_of_the_words() -> None:
    line = strip(200, (4, 8, 36, 40), (60, 8, 90, 40), (120, 8, 150, 40))
    found = words([own_ink(line)], [reading(("一", 20.0), (" ", 48.0), ("夫", 75.0), ("5", 135.0))])
    assert [word.text for word in as_in("¥5", found)] == ["¥", "5"]


def test_words_of_a_tilted_line_are_measured_along_it() -> None:
    """The strip is already level: a blurred stroke is measured at half of its contrast."""
    line = cv2.GaussianBlur(strip(100, (10, 12, 40, 36)), (5, 5), 0)
    assert boxes(words([own_ink(line.astype(np.uint8))], [reading(("a", 25.0))]), 100) == [("a", (10, 12, 40, 36))]


def test_words_from_right_to_left_are_given_as_they_are_read() -> None:
    """The one on the right first, and its letters in their order; a number keeps its own. Boxes stay where they are."""
    line = strip(300, (10, 12, 50, 36), (84, 12, 120, 36), (150, 12, 190, 36))
    read = reading(
        ("\u05d3", 20.0), ("\u05d2", 40.0), (" ", 68.0), ("1", 90.0), ("7", 110.0), (" ", 135.0), ("\u05d0", 170.0)
    )
    found = words_as_read(read.text, words([own_ink(line)], [read]))
    assert boxes(found, 300) == [
        ("\u05d0", (150, 12, 190, 36)),
        ("17", (84, 12, 120, 36)),
        ("\u05d2\u05d3", (10, 12, 50, 36)),
    ]


def test_a_word_that_was_taken_out_of_a_line_changes_no_other() -> None:
    found = [Measured("\u05d2", 1.0, Box(0, 0, 0.2, 1)), Measured("\u05d0", 1.0, Box(0.8, 0, 1, 1))]
    assert [word.text for word in words_as_read("\u05d2 * \u05d0", found)] == ["\u05d0", "\u05d2"]
