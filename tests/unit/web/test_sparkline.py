"""Numbers as bars."""

from __future__ import annotations

import pytest
from lxml import etree

from ocrspool.web.sparkline import sparkline


def bars(numbers: list[int]) -> list[tuple[float, float]]:
    """Where each bar stands, and how high it is."""
    return [(float(bar.get("x", 0)), float(bar.get("height", 0))) for bar in etree.fromstring(sparkline(numbers, "x"))]


def test_the_highest_is_as_high_as_the_picture() -> None:
    """Heights are in proportion; nothing is no bar; what is little is seen all the same."""
    assert bars([0, 5, 10]) == [(5, 20), (10, 40)]
    assert bars([1000, 3])[1][1] == pytest.approx(0.1)


def test_an_hour_of_nothing_is_an_empty_picture() -> None:
    """And no division by zero."""
    assert bars([0] * 60) == []


def test_the_label_is_escaped() -> None:
    """It is an attribute."""
    picture = etree.fromstring(sparkline([1], 'a "quoted" <label>'))
    assert picture.get("aria-label") == 'a "quoted" <label>'
