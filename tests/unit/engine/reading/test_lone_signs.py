"""Single Han and kana signs on pages of another script."""

from __future__ import annotations

import pytest

from ocrspool.engine.reading.lone_signs import without_lone_signs

PAGE = ["Invoice 4711", "paper, 80 g/m2, box of 500 sheets", "delivered to the central office"]


@pytest.mark.parametrize(
    ("line", "stays"),
    [
        ("夫1,200", "¥1,200"),
        ("夫 1,200", "¥ 1,200"),
        ("木", ""),
        ("Total 一 12", "Total  12"),
        ("请厚谅", "请厚谅"),
        ("3月", "3月"),
        ("1200円", "1200円"),
        ("夫人", "夫人"),
    ],
)
def test_on_a_latin_page_lone_signs_go_and_words_and_units_stay(line: str, stays: str) -> None:
    assert without_lone_signs([*PAGE, line]) == [*PAGE, stays]


def test_a_page_of_signs_is_left_alone() -> None:
    page = ["木", "水 water", "夫 1", "一"]
    assert without_lone_signs(page) == page
    assert without_lone_signs([]) == []
    assert without_lone_signs([" "]) == [" "]
