"""Words of a line and the spaces between them."""

from __future__ import annotations

import pytest

from ocrspool.render.word_gaps import as_high_as_the_line, part_of, words_of
from ocrspool.results.schema import Line, Word

Box = tuple[float, float, float, float]


def word(text: str, left: float, right: float, top: float = 4, bottom: float = 16) -> Word:
    return Word(text, 0.9, ((left, top), (right, top), (right, bottom), (left, bottom)))


def line(text: str, *words: Word) -> Line:
    polygon = ((0.0, 0.0), (100.0, 0.0), (100.0, 20.0), (0.0, 20.0))
    return Line(0, text, 0.9, 0.9, polygon, (0.0, 0.0, 100.0, 20.0), words=words)


@pytest.mark.parametrize(
    ("text", "parts", "gaps"),
    [
        ("two words", ("two", "words"), ["", " "]),
        ("漢字", ("漢", "字"), ["", ""]),
        ("no 1 一 2", ("no", "1", "一", "2"), ["", " ", " ", " "]),
        ("aa aa", ("aa", "aa"), ["", " "]),
    ],
)
def test_spaces_are_those_of_the_text(text: str, parts: tuple[str, ...], gaps: list[str]) -> None:
    words = (word(part, 10.0 * place, 10.0 * place + 8) for place, part in enumerate(parts))
    found = list(words_of(line(text, *words)))
    assert [gap for gap, _ in found] == gaps
    assert "".join(gap + each.text for gap, each in found) == text


def test_a_line_without_words_is_one() -> None:
    ((gap, whole),) = words_of(line("two words"))
    assert (gap, whole.text, whole.bounding_box) == ("", "two words", (0, 0, 100, 20))


def test_each_word_reaches_to_the_next_and_is_as_high_as_the_line() -> None:
    found = list(as_high_as_the_line(line("two 漢字", word("two", 10, 30), word("漢", 40, 55), word("字", 60, 78))))
    assert [(each.text, space, each.bounding_box) for each, space in found] == [
        ("two", " ", (10, 0, 40, 20)), ("漢", "", (40, 0, 60, 20)), ("字", "", (60, 0, 78, 20)),
    ]  # fmt: skip


def test_a_word_that_begins_before_the_one_before_it_keeps_its_own_end() -> None:
    """A reading order that is not that of the places is no reason for a box turned inside out."""
    first, _ = as_high_as_the_line(line("b a", word("b", 50, 70), word("a", 10, 30)))
    assert first[0].bounding_box == (50, 0, 70, 20)


def test_the_last_word_keeps_its_end_where_it_begins_before_the_line() -> None:
    """Ink may stand a little beside the polygon of its line."""
    ((found, _),) = as_high_as_the_line(line("BILL", word("BILL", -0.5, 90)))
    assert found.bounding_box == (-0.5, 0, 90, 20)


def test_a_part_of_a_line_has_room_for_its_words() -> None:
    """Whatever the shares of the line are that it begins and ends at."""
    whole = line("one BILL", word("one", 10.1, 30), word("BILL", 40.3, 90.7))
    part = part_of(whole, whole.words[1:])
    assert part.text == "BILL"
    assert part.bounding_box == pytest.approx((40.3, 0, 90.7, 20))
    ((found, _),) = as_high_as_the_line(part)
    assert found.bounding_box == pytest.approx((40.3, 0, 90.7, 20))


def test_a_line_of_no_height_is_left_out() -> None:
    flat = Line(0, "x", 0.9, 0.9, ((0.0, 0.0), (9.0, 0.0), (9.0, 0.0), (0.0, 0.0)), (0.0, 0.0, 9.0, 0.0))
    assert list(as_high_as_the_line(flat)) == []


def test_a_word_of_a_line_from_right_to_left_reaches_to_the_next_on_its_left() -> None:
    found = list(as_high_as_the_line(line("\u05d0\u05d1 \u05d2", word("\u05d0\u05d1", 50, 70), word("\u05d2", 10, 30))))
    assert [(space, each.bounding_box) for each, space in found] == [(" ", (30, 0, 70, 20)), ("", (10, 0, 30, 20))]
