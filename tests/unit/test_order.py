"""Reading order of layouts drawn as boxes."""

from __future__ import annotations

import math
import random

import pytest

from ocrspool.engine.order import reading_order
from ocrspool.model import Polygon

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
