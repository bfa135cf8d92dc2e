"""Reading order of layouts drawn as boxes."""

from __future__ import annotations

import math
import random

import pytest

from ocrspool.layout.reading_order import reading_order
from ocrspool.pages import Polygon

Named = dict[str, Polygon]


def _box(left: float, top: float, width: float, height: float = 20) -> Polygon:
    right, bottom = left + width, top + height
    return (left, top), (right, top), (right, bottom), (left, bottom)


def _names(layout: Named, seed: int = 1) -> list[str]:
    """Return the names in reading order, whatever order the boxes come in."""
    names = list(layout)
    random.Random(seed).shuffle(names)
    return [names[index] for index in reading_order([layout[name] for name in names])]


def _column(prefix: str, left: float, top: float, lines: int) -> Named:
    """Return a paragraph whose last line is short."""
    widths = [400] * (lines - 1) + [160]
    return {f"{prefix}{row}": _box(left, top + 30 * row, width) for row, width in enumerate(widths)}


def test_nothing() -> None:
    assert reading_order([]) == []


def test_lines_run_from_top_to_bottom() -> None:
    layout = _column("a", 50, 50, 9)
    assert _names(layout) == list(layout)


def test_two_columns_of_prose_are_read_one_after_the_other() -> None:
    layout = {**_column("left", 50, 100, 12), **_column("right", 500, 107, 12)}
    assert _names(layout) == list(layout)


def test_three_columns_between_a_title_and_a_footer() -> None:
    layout = {
        "title": _box(50, 20, 1300, 40),
        **_column("a", 50, 100, 8),
        **_column("b", 500, 100, 8),
        **_column("c", 950, 100, 8),
        "footer": _box(600, 400, 200),
    }
    assert _names(layout) == list(layout)


def test_columns_above_and_below_a_headline() -> None:
    layout = {
        **_column("a", 50, 100, 6),
        **_column("b", 500, 100, 6),
        "headline": _box(50, 300, 850, 30),
        **_column("c", 50, 350, 6),
        **_column("d", 500, 350, 6),
    }
    assert _names(layout) == list(layout)


def test_a_receipt_stays_in_rows() -> None:
    layout: Named = {}
    for row in range(10):
        layout[f"item{row}"] = _box(50, 50 + 30 * row, 250)
        layout[f"price{row}"] = _box(500, 52 + 30 * row, 60)
    assert _names(layout) == list(layout)


def test_a_table_with_wide_cells_stays_in_rows() -> None:
    layout: Named = {}
    for row in range(8):
        layout[f"name{row}"] = _box(50, 50 + 30 * row, 100 + 30 * (row % 4))
        layout[f"address{row}"] = _box(400, 50 + 30 * row, 120 + 40 * (row % 3))
        layout[f"city{row}"] = _box(700, 50 + 30 * row, 90)
    assert _names(layout) == list(layout)


def test_a_tall_box_does_not_tie_two_rows_together() -> None:
    layout = {"a": _box(50, 50, 40, 30), "tall": _box(120, 45, 200, 80), "b": _box(350, 50, 40, 30)}
    under = {"c": _box(50, 95, 40, 30), "d": _box(350, 95, 40, 30)}
    assert _names({**layout, **under}) == ["a", "tall", "b", "c", "d"]


@pytest.mark.parametrize("degrees", [-5, -2, 2, 5])
def test_a_skewed_page_is_read_like_a_level_one(degrees: float) -> None:
    layout = {**_column("left", 50, 100, 12), **_column("right", 500, 100, 12)}
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)

    def turned(polygon: Polygon) -> Polygon:
        a, b, c, d = ((x * cosine - y * sine, x * sine + y * cosine) for x, y in polygon)
        return a, b, c, d

    assert _names({name: turned(polygon) for name, polygon in layout.items()}) == list(layout)


def test_vertical_columns_are_read_from_right_to_left() -> None:
    layout = {
        "first": _box(500, 50, 40, 600),
        "second": _box(430, 50, 40, 300),
        "second, below": _box(430, 380, 40, 200),
        "third": _box(360, 50, 40, 600),
    }
    assert _names(layout) == list(layout)


def test_the_order_does_not_depend_on_the_order_of_the_input() -> None:
    layout = {**_column("left", 50, 100, 12), **_column("right", 500, 107, 12), "foot": _box(300, 500, 300)}
    assert len({tuple(_names(layout, seed)) for seed in range(10)}) == 1


def _sidebar(seed: int) -> tuple[Named, Named]:
    """Return the lines of a narrow column of short lines and of the broad one beside it, each with its own spacing."""
    chance = random.Random(seed)
    narrow = [_box(50, 100 + row * 61, chance.randint(90, 380), 36) for row in range(18)]
    broad = [_box(600, 123 + row * 44, 500 if row % 9 == 8 else chance.randint(880, 960), 30) for row in range(26)]
    return {f"side{row}": box for row, box in enumerate(narrow)}, {f"main{row}": box for row, box in enumerate(broad)}


@pytest.mark.parametrize("seed", range(5))
def test_a_sidebar_is_read_before_what_stands_beside_it(seed: int) -> None:
    """Its lines stand in no row with those of the other column."""
    side, main = _sidebar(seed)
    assert _names({**side, **main}) == [*side, *main]


def test_a_sidebar_on_the_right_is_read_after_it() -> None:
    side, main = _sidebar(7)
    right = {name: _shifted(box, 1600) for name, box in side.items()}
    assert _names({**right, **main}) == [*main, *right]


def test_a_sidebar_below_a_title_and_above_a_footer() -> None:
    side, main = _sidebar(3)
    title, footer = {"title": _box(50, 20, 1500, 50)}, {"footer": _box(300, 1400, 700)}
    assert _names({**title, **side, **main, **footer}) == [*title, *side, *main, *footer]


def test_articles_below_others_that_are_cut_into_other_columns() -> None:
    """A newspaper's front page: two columns beside three, and below these three beside two."""
    upper = {
        "head a": _box(50, 100, 700, 44),
        **_columns_of("a", 50, 160, 2),
        "head b": _box(800, 100, 1000, 44),
        **_columns_of("b", 800, 160, 3),
    }
    lower = {
        "head c": _box(50, 600, 1000, 44),
        **_columns_of("c", 50, 660, 3),
        "head d": _box(1175, 600, 650, 44),
        **_columns_of("d", 1175, 660, 2),
    }
    assert _names({**upper, **lower}) == [*upper, *lower]


def test_two_high_lines_of_text_are_no_headings() -> None:
    """Signs of footnotes make boxes higher; without space above it, nothing new begins there."""
    layout = {**_column("left", 50, 100, 14), **_column("right", 500, 100, 14)}
    for name in ("left6", "right6"):
        (left, top), (right, _), *_ = layout[name]
        layout[name] = _box(left, top - 7, right - left, 33)
    assert _names(layout) == list(layout)


def test_columns_that_a_picture_narrows_stay_columns() -> None:
    """Half of the lines of one column are a little more than half as long as the others."""
    narrowed = {f"right{row}": _box(500, 100 + 30 * row, 400 if row % 2 == 0 else 230) for row in range(14)}
    layout = {**_column("left", 50, 100, 14), **dict(sorted(narrowed.items(), key=lambda item: int(item[0][5:])))}
    assert _names(layout) == list(layout)


@pytest.mark.parametrize("bend", [-8, 8])
def test_a_bent_receipt_stays_in_rows(bend: int) -> None:
    """Where the paper is bent, its prices stand a little higher or lower than their items."""
    layout: Named = {}
    for row in range(30):
        layout[f"item{row}"] = _box(50, 50 + 30 * row, 150 + 10 * (row % 9))
        layout[f"price{row}"] = _box(500, 50 + 30 * row + bend * math.sin(row / 10), 60)
    assert _names(layout) == list(layout)


def test_a_table_with_empty_cells_stays_in_rows() -> None:
    layout: Named = {}
    for row in range(20):
        layout[f"name{row}"] = _box(50, 50 + 40 * row, 150)
        if row % 3:
            layout[f"size{row}"] = _box(400, 51 + 40 * row, 60)
        if row % 4:
            layout[f"price{row}"] = _box(600, 49 + 40 * row, 60)
    assert _names(layout) == list(layout)


def test_short_numbers_do_not_say_that_a_skewed_table_is_level() -> None:
    """Their boxes lie level, because corners are whole pixels; the long lines know better."""
    layout: Named = {}
    for row in range(12):
        layout[f"name{row}"] = _skewed(50, 100 + 30 * row, 400)
        for column in range(5):
            left = 600 + 200 * column
            layout[f"number{row}.{column}"] = _box(left, 100 + 30 * row + left * math.tan(math.radians(1.5)), 45)
    assert _names(layout) == list(layout)


def _columns_of(prefix: str, left: float, top: float, columns: int) -> Named:
    """Return an article in columns of one width, each with a short last line."""
    return {
        f"{prefix}{column}.{row}": _box(left + 375 * column, top + 22 * row, 340 if row < 15 else 120, 18)
        for column in range(columns)
        for row in range(16)
    }


def _shifted(polygon: Polygon, right: float) -> Polygon:
    a, b, c, d = ((x + right, y) for x, y in polygon)
    return a, b, c, d


def _skewed(left: float, top: float, width: float) -> Polygon:
    """Return a box on a page that is skewed by 1.5 degrees."""
    slope = math.tan(math.radians(1.5))
    a, b, c, d = ((x, y + x * slope) for x, y in _box(left, top, width))
    return a, b, c, d


def test_a_page_of_thousands_of_lines_is_put_in_order() -> None:
    """A long page has them; where the time grows with the cube of their number, this takes many minutes."""
    lines = {f"{row}": _box(20, 30 * row, 420 + row % 9) for row in range(2000)}
    assert _names(lines) == list(lines)
