"""A long s that one reader has seen stands in the surest reading, and nothing else of it."""

# ruff: noqa: RUF001

from __future__ import annotations

import numpy as np
import pytest

from ocrspool.engine.ocr.page_state import Variant
from ocrspool.engine.reading.long_s import with_long_s
from ocrspool.engine.reading.recognize import Reading
from ocrspool.engine.reading.unread_ink import Letter


def _reading(text: str, certainty: float = 0.9) -> Reading:
    return Reading(text, certainty, letters=tuple(Letter(each, 10.0 * place) for place, each in enumerate(text)))


@pytest.mark.parametrize(
    ("sure", "other", "text"),
    [
        ("Quid obftat dicamus , five", "Quid obſtat dicamns , ſive", "Quid obſtat dicamus , ſive"),
        ("poffit inter alia producere", "polſit inter alia producere", "pofſit inter alia producere"),
        ("vita nihil aliud fit", "vita nibil alivd fit", "vita nihil aliud fit"),
        ("the first of five", "the firſt of five", "the first of five"),
        ("familiar forms", "familiar ſorms", "familiar ſorms"),
        ("nothing of it", "ſſſſſſ", "nothing of it"),
        ("finis", "", "finis"),
        ("", "ſ", ""),
    ],
)
def test_an_f_that_another_reader_sees_as_long_s_is_one(sure: str, other: str, text: str) -> None:
    """Its other errors are not taken over; a letter s stays, whoever read it."""
    found = with_long_s(_reading(sure), [_reading(other, 0.5)])
    assert found.text == text
    assert "".join(letter.text for letter in found.letters) == text
    assert [letter.x for letter in found.letters] == [10.0 * place for place in range(len(sure))]
    assert found.certainty == 0.9


def test_several_readers_are_listened_to() -> None:
    found = with_long_s(_reading("in feipfis"), [_reading("in ſeiplis"), _reading("in feipſis")])
    assert found.text == "in ſeipſis"


def test_a_letter_of_several_characters_is_left_alone() -> None:
    reading = Reading("fine", 0.9, letters=(Letter("fi", 0.0), Letter("n", 10.0), Letter("e", 20.0)))
    assert with_long_s(reading, [_reading("ſine")]) is reading


def test_the_surest_reading_of_a_line_has_it() -> None:
    variant = Variant(np.zeros((4, 2), np.float32), [np.full((48, 400, 3), 255, np.uint8)])
    variant.read_by = {"default": {0: _reading("id eft, illam", 0.99)}, "fraktur": {0: _reading("id eſt. illam", 0.8)}}
    reading, reader = variant.surest()
    assert (reading.text, reader, reading.certainty) == ("id eſt, illam", "default", 0.99)
    assert [each.text for each in variant.said("default")] == ["id eſt, illam"]
