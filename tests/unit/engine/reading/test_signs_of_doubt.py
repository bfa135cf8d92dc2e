"""Which lines a weak net is not believed, however sure it is."""

from __future__ import annotations

import pytest

from ocrspool.engine.reading.signs_of_doubt import has_signs


@pytest.mark.parametrize(
    "text",
    [
        "Order TD01167104",
        "1PC",
        "Gril1Veg-H",
        "5600148th Ave NE",
        "(GST RegNo.001492992000)",
        "Tampoi,81200 Johor",
        "21/03/201819:53:23",
        "mob:+44 (0)7911",
        "EXCHANGEABLÉ",
        "obječto",
        "Room: A4",
    ],
)
def test_words_in_which_mistakes_gather(text: str) -> None:
    assert has_signs(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The quick brown fox jumps over the lazy dog.",
        "TOTAL 1,268.95",
        "25/12/2018 8:13:39",
        "well-known; (and so on): \u201cyes\u201d \u2013 no!",
        "\u5c0f\u8a08",
        "[12] (3) #4",
        "\u041f\u0440\u0438\u0432\u0435\u0442",
    ],
)
def test_words_of_letters_and_numbers_alone(text: str) -> None:
    assert not has_signs(text)
