"""From Tesseract's symbols to a reading. No Tesseract is needed; tests/engine/test_tesseract.py runs it."""

from __future__ import annotations

import numpy as np
import pytest

from ocrspool.engine.readers.tesseract import Symbol, reading
from ocrspool.layout.text_direction import in_reading_order

_STRIP = np.full((48, 640, 3), 255, np.uint8)
_STEP = 20


def _symbols(*words: str, places: list[int] | None = None) -> list[Symbol]:
    """Return symbols of these words in the order in which they are read; `places` count from the left."""
    letters = [(letter, number and not index) for number, word in enumerate(words) for index, letter in enumerate(word)]
    order = places or list(range(len(letters)))
    return [
        Symbol(letter, _STEP * place, _STEP * place + 10, 99.6, bool(space))
        for (letter, space), place in zip(letters, order, strict=True)
    ]


def test_letters_come_with_their_places_and_spaces() -> None:
    found = reading(_STRIP, _symbols("ab", "c"))
    assert found.text == "ab c"
    assert [letter.x for letter in found.letters] == [5, 25, 35, 45]
    assert 0.98 < found.certainty < 1


@pytest.mark.parametrize(
    ("confidence", "certainty"), [(100.0, 1.0), (98.93, 0.97), (97.46, 0.7), (96.31, 0.55), (0, 0.018)]
)
def test_confidence_becomes_the_certainty_of_a_net(confidence: float, certainty: float) -> None:
    """Tesseract is far too sure of what it cannot read. The letters are on average as sure as the line."""
    found = reading(_STRIP, [Symbol("a", 0, 10, confidence, after_space=False)])
    assert found.certainty == pytest.approx(certainty, abs=0.002)
    assert found.letters[0].probability == pytest.approx(found.certainty, abs=1e-6)


def test_nothing_read_is_no_error() -> None:
    found = reading(_STRIP, [])
    assert (found.text, found.certainty) == ("", 0)


def test_boxes_out_of_order_do_not_swap_letters() -> None:
    symbols = _symbols("abc")
    symbols[1] = symbols[1]._replace(left=0, right=200)
    found = reading(_STRIP, symbols)
    assert found.text == "abc"
    places = [letter.x for letter in found.letters]
    assert places == sorted(places)


def test_words_from_the_right_are_given_as_they_lie() -> None:
    """Hebrew: two words, the first of which is on the right."""
    found = reading(_STRIP, _symbols("\u05d0\u05d1", "\u05d2\u05d3", places=[4, 3, 1, 0]))
    assert found.text == "\u05d3\u05d2 \u05d1\u05d0"
    assert in_reading_order(found.text) == "\u05d0\u05d1 \u05d2\u05d3"


def test_a_number_in_such_a_line_keeps_its_order() -> None:
    """Also in the middle of a word, and where Tesseract gives its digits the wrong way round: their places decide."""
    for digits, places in (("17", [0, 1]), ("71", [1, 0])):
        found = reading(_STRIP, _symbols("\u05d0-" + digits, places=[3, 2, *places]))
        assert found.text == "17-\u05d0"


def test_a_thai_vowel_in_two_parts_is_one_character() -> None:
    """Sara am, with and without a tone mark."""
    assert reading(_STRIP, _symbols("\u0e17\u0e4d\u0e32")).text == "\u0e17\u0e33"
    assert reading(_STRIP, _symbols("\u0e19\u0e4d\u0e49\u0e32\u0e01")).text == "\u0e19\u0e49\u0e33\u0e01"
    assert reading(_STRIP, _symbols("\u0e19\u0e49\u0e4d\u0e32")).text == "\u0e19\u0e49\u0e33"


def test_letters_of_old_encodings_become_those_of_the_language() -> None:
    """Romanian data has s and t with a cedilla."""
    found = reading(_STRIP, _symbols("\u015fi", "\u0163"), {0x15F: 0x219, 0x163: 0x21B})
    assert found.text == "\u0219i \u021b"


def test_wide_letters_leave_no_ink_unread() -> None:
    """One letter of 60 pixels and a gap: no warning. The same ink where no letter was seen: one."""
    strip = _STRIP.copy()
    strip[14:40, 100:150] = 0
    seen = reading(strip, [Symbol("\u0449", 100, 150, 99.6, after_space=False)])
    assert seen.ink.unread == 0
    missed = reading(strip, [Symbol("\u0449", 400, 450, 99.6, after_space=False)])
    assert missed.ink.unread > 0
