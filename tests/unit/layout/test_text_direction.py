"""Lines as they lie on a page, and as they are read. What is expected is how the bidirectional algorithm shows them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrspool.layout.text_direction import in_reading_order, reading_places, runs_from_the_right

# As read, and as it lies: letters from the left. Letters of the right half are written by their names in comments.
SHALOM, OLAM = "\u05e9\u05dc\u05d5\u05dd", "\u05e2\u05d5\u05dc\u05dd"
KITAB = "\u0643\u062a\u0627\u0628"


def _back(word: str) -> str:
    return word[::-1]


@pytest.mark.parametrize(
    ("read", "lies"),
    [
        ("plain text, 12:30", "plain text, 12:30"),
        (f"{SHALOM} {OLAM}.", f".{_back(OLAM)} {_back(SHALOM)}"),
        (f"{SHALOM}: 8,400 {OLAM}", f"{_back(OLAM)} 8,400 :{_back(SHALOM)}"),
        (f"{SHALOM} 12/09/1926", f"12/09/1926 {_back(SHALOM)}"),
        (f"{SHALOM} 30% {OLAM}", f"{_back(OLAM)} 30% {_back(SHALOM)}"),
        (f"{SHALOM}-36 {OLAM}", f"{_back(OLAM)} 36-{_back(SHALOM)}"),
        (f"{SHALOM} Windows 11 {OLAM}{OLAM}", f"{_back(OLAM)}{_back(OLAM)} Windows 11 {_back(SHALOM)}"),
        (f"a word {SHALOM} {OLAM} and more", f"a word {_back(OLAM)} {_back(SHALOM)} and more"),
        (f"a word {SHALOM} 17 {OLAM} and more", f"a word {_back(OLAM)} 17 {_back(SHALOM)} and more"),
        (f"{KITAB} 12500 {KITAB}", f"{_back(KITAB)} 12500 {_back(KITAB)}"),
        (f"{KITAB} \u0661\u0669\u0669\u0666", f"\u0661\u0669\u0669\u0666 {_back(KITAB)}"),  # 1996 in Arabic digits
        (f"{KITAB} 12% {KITAB}", f"{_back(KITAB)} %12 {_back(KITAB)}"),  # Arabic has the sign on the left of the number
        ("", ""),
        ("12", "12"),
    ],
)
def test_letters_are_given_as_they_are_read(read: str, lies: str) -> None:
    assert in_reading_order(lies) == read


@given(st.text("ab1.,% \u05d0\u05d1\u0627\u0661\u05b8", max_size=12))
def test_nothing_is_lost(lies: str) -> None:
    assert sorted(reading_places(lies)) == list(range(len(lies)))


@given(st.text("ab1 .\u4e00\u0430\u0e01", max_size=12))
def test_lines_of_other_scripts_stay_as_they_are(lies: str) -> None:
    assert in_reading_order(lies) == lies


def test_most_letters_say_where_a_line_begins() -> None:
    assert runs_from_the_right(f"{SHALOM} ab 123456")
    assert not runs_from_the_right(f"a long one with {SHALOM}")
    assert not runs_from_the_right("")
