"""What becomes of the readings of a page's lines: which are kept, and what is warned of."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrspool.engine.ocr.page_state import Line, PageInWork, Variant
from ocrspool.engine.ocr.page_text import page_text
from ocrspool.engine.ocr.upside_down import turned_variants
from ocrspool.engine.reading.recognize import Reading
from ocrspool.engine.reading.unread_ink import Ink

ALL_UNREAD = Ink(unread=400, pieces=20, total=400)
MOSTLY_UNREAD = Ink(unread=300, pieces=15, total=400)
A_LETTER_HERE_AND_THERE = Ink(unread=60, pieces=4, total=900)
A_TICK = Ink(unread=32, pieces=1, total=119)


def _polygon(row: int, width: int = 400) -> NDArray[np.float32]:
    top = 100 + 60 * row
    return np.array([(50, top), (50 + width, top), (50 + width, top + 40), (50, top + 40)], np.float32)


def _line(row: int, reading: Reading, *, width: int = 400) -> Line:
    variant = Variant(_polygon(row, width), [np.full((48, width, 3), 255, np.uint8)])
    variant.read_by["default"] = {0: reading}
    return Line(0.9, [variant])


def _page(*readings: Reading, ink: bool = True) -> PageInWork:
    pixels = np.full((1000, 800), 255, np.uint8)
    if ink:
        pixels[400:500, 300:500] = 0
    page = PageInWork(pixels, lambda: None)
    page.lines = [_line(row, reading) for row, reading in enumerate(readings)]
    return page


def _texts(page: PageInWork, least: float = 0.5) -> list[str]:
    return [line.text for line in page_text(page, least).lines]


def test_a_line_is_as_sure_as_its_letters_and_its_ink() -> None:
    found = page_text(_page(Reading("Total 12.50", 0.98), Reading("  145  12 2024", 0.99, MOSTLY_UNREAD)), 0.5)
    assert [line.confidence for line in found.lines] == [pytest.approx(0.98), pytest.approx(0.99 * 0.25)]


@pytest.mark.parametrize("ink", [MOSTLY_UNREAD, A_LETTER_HERE_AND_THERE])
def test_a_line_with_letters_missing_is_named(ink: Ink) -> None:
    found = page_text(_page(Reading("Invoice 4711", 0.99), Reading("C ng h a 2024", 0.99, ink)), 0.5)
    (warning,) = found.warnings
    assert (warning.code, warning.lines) == ("unread-script", (1,))
    assert "1 line of the page has letters that were not read, or only guessed" in warning.message


def test_a_line_of_which_nothing_came_out_is_counted_and_placed() -> None:
    found = page_text(_page(Reading("Invoice 4711", 0.99), Reading("   ", 0.9, ALL_UNREAD)), 0.5)
    assert [line.text for line in found.lines] == ["Invoice 4711"]
    (warning,) = found.warnings
    assert (warning.code, warning.lines) == ("unread-script", ())
    assert "at 18% of the page's height" in warning.message


@pytest.mark.parametrize(
    ("certainty", "detection", "warned"), [(0.7, 0.9, 1), (0.4, 0.9, 1), (0.8, 0.9, 0), (0.7, 0.5, 0)]
)
def test_a_long_line_of_guesses_is_named_kept_or_not(certainty: float, detection: float, warned: int) -> None:
    page = _page(Reading("n177 nx 00D0 0107", certainty))
    page.lines[0].detection_confidence = detection
    codes = [warning.code for warning in page_text(page, 0.5).warnings]
    assert codes.count("unread-script") == warned


def test_a_tick_beside_a_number_is_no_script() -> None:
    assert page_text(_page(Reading("63.35", 0.99, A_TICK)), 0.5).warnings == ()


def test_a_page_with_ink_and_no_text_is_told_and_a_blank_one_is_not() -> None:
    assert [warning.code for warning in page_text(_page(), 0.5).warnings] == ["no-text-found"]
    assert page_text(_page(ink=False), 0.5).warnings == ()
    lost = page_text(_page(Reading("", 0.0, ALL_UNREAD)), 0.5)
    assert [warning.code for warning in lost.warnings] == ["unread-script", "no-text-found"]


@pytest.mark.parametrize(
    ("reading", "kept"),
    [
        (Reading("Total", 0.71), True),
        (Reading("Total", 0.69), False),  # short
        (Reading("Total amount due", 0.51), True),
        (Reading("Total amount due", 0.49), False),
        (Reading("  ", 1.0), False),
        (Reading("12 500,00", 0.95, MOSTLY_UNREAD), True),
        (Reading("12 500,00", 0.8, MOSTLY_UNREAD), False),
        (Reading(" : , ", 0.95, MOSTLY_UNREAD), False),
    ],
)
def test_what_is_unsure_is_no_text(reading: Reading, *, kept: bool) -> None:
    assert _texts(_page(reading)) == ([reading.text] if kept else [])


def test_doubtful_lines_are_tried_upside_down_and_others_are_not() -> None:
    page = _page(Reading("Invoice 4711", 0.99), Reading("aoro", 0.6), Reading("Reference", 0.99, MOSTLY_UNREAD))
    page.lines.append(_line(3, Reading("6", 0.6), width=30))  # which way up is a single digit?
    turned = turned_variants(page)
    assert turned == [page.lines[1].turned, page.lines[2].turned]
    turned[0].read_by["default"] = {0: Reading("Return", 0.97)}
    turned[1].read_by["default"] = {0: Reading("oue", 0.3)}
    found = page_text(page, 0.5)
    assert [line.text for line in found.lines] == ["Invoice 4711", "Return", "Reference"]
    assert found.lines[1].polygon[0] == (450, 200)  # the text's own top left is the bottom right of its box


def test_neighbors_of_a_line_that_is_upside_down_are_tried_too() -> None:
    """A number that reads well either way; and they are tried once."""
    page = _page(*[Reading("Invoice 4711", 0.99)] * 4, Reading("068 109 0080", 0.95), Reading("aoro", 0.6))
    (first,) = turned_variants(page)
    first.read_by["default"] = {0: Reading("Return", 0.97)}
    (second,) = turned_variants(page)
    assert second is page.lines[4].turned
    second.read_by["default"] = {0: Reading("0800 601 890", 0.99)}
    (third,) = turned_variants(page)
    third.read_by["default"] = {0: Reading("IILv eo!oAuI", 0.6)}
    assert turned_variants(page) == []
    assert _texts(page) == [*["Invoice 4711"] * 4, "0800 601 890", "Return"]


def test_strips_of_a_turned_line_come_in_the_other_order() -> None:
    left, right = (np.full((48, 96, 3), level, np.uint8) for level in (10, 20))
    left[0, 0] = 255
    turned = Variant(_polygon(0), [left, right]).upside_down()
    assert [int(strip[10, 10, 0]) for strip in turned.strips] == [20, 10]
    assert turned.strips[1][-1, -1, 0] == 255


def test_a_small_picture_is_one_line_where_that_reads_as_well() -> None:
    pixels = np.full((40, 30), 255, np.uint8)
    page = PageInWork(pixels, lambda: None, margin=24)
    strip = np.full((48, 36, 3), 255, np.uint8)
    page.whole = Line(0.0, [Variant(np.array([(2, 2), (28, 2), (28, 38), (2, 38)], np.float32), [strip])])
    page.whole.variants[0].read_by["default"] = {0: Reading("7", 0.99)}
    (line,) = page_text(page, 0.5).lines
    assert (line.text, line.polygon[0]) == ("7", (2, 2))
    page.whole.variants[0].read_by["default"] = {
        0: Reading("O", 0.55)
    }  # or 0: it need not be as sure as a speck has to be
    assert _texts(page) == ["O"]
    page.lines = [_line(0, Reading("Total", 0.99))]
    page.whole.variants[0].read_by["default"] = {0: Reading("lB", 0.7)}
    assert _texts(page) == ["Total"]


def test_columns_of_text_from_right_to_left_are_read_from_the_right() -> None:
    """Two columns of prose; and each line has its letters as they are read."""
    page = _page(*(Reading(f"\u05d2\u05d1\u05d0 {row} \u05d4" * 3, 0.99) for row in range(8)))
    for number, line in enumerate(page.lines):
        left, top = (50, 100) if number < 4 else (550, 100)
        top += 60 * (number % 4)
        corners = [(left, top), (left + 400, top), (left + 400, top + 40), (left, top + 40)]
        line.variants[0].polygon = np.array(corners, np.float32)
    lines = page_text(page, 0.5).lines
    assert [line.polygon[0][0] for line in lines] == [550] * 4 + [50] * 4
    assert lines[0].text.startswith("\u05d4 4 \u05d0\u05d1\u05d2")
