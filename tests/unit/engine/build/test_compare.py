"""When a new engine reads as its reference does, and when not. The readings are made here, not read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import pytest

from ocrspool.engine.build.compare import ParityError, check_truth, compare, distance, overlap
from ocrspool.engine.test_pages import GATE, KNOWN, TURNED, KnownPage
from ocrspool.pages import PageText, Polygon, TextLine

Lines = tuple[TextLine, ...]


def box(left: float, top: float, width: float = 300.0, height: float = 24.0) -> Polygon:
    return (left, top), (left + width, top), (left + width, top + height), (left, top + height)


def reading(page: KnownPage) -> PageText:
    """What an engine that is right reads."""
    lines = [TextLine(text, 0.97, box(20, 40 * row), 0.9) for row, text in enumerate(page.lines)]
    return PageText(tuple(lines), 180 if page.upside_down else 0, {})


RIGHT = {page: reading(page) for page in (KNOWN, TURNED, GATE)}


def changed(page: KnownPage, change: Callable[[Lines], Lines]) -> dict[KnownPage, PageText]:
    return {**RIGHT, page: replace(RIGHT[page], lines=change(RIGHT[page].lines))}


def line(number: int, **values: object) -> Callable[[Lines], Lines]:
    """Change one line of a page."""
    return lambda lines: (*lines[:number], replace(lines[number], **values), *lines[number + 1 :])  # type: ignore[arg-type] # a line's


def test_the_same_readings() -> None:
    found = compare("the reference", RIGHT, RIGHT)
    assert asdict(found) == {
        "reference": "the reference",
        "lines": 14,
        "characters": sum(len(text) for page in RIGHT for text in page.lines),
        "characters_differing": 0,
        "worst_shift": 0.0,
        "confidence_difference": 0.0,
    }


def test_small_differences_are_measured() -> None:
    """Rounding moves a box by a few pixels, a confidence by hundredths, and may tip a look-alike."""
    lines = changed(GATE, line(6, text="1.268.95", polygon=box(23, 244), confidence=0.91))
    found = compare("it", RIGHT, lines)
    assert (found.characters_differing, found.worst_shift, found.confidence_difference) == (1, 5.0, 0.06)
    wider = changed(GATE, line(4, polygon=box(20, 160, 420)))
    assert overlap(RIGHT[GATE].lines[4].polygon, wider[GATE].lines[4].polygon) == pytest.approx(0.714, abs=1e-3)
    assert compare("it", RIGHT, wider).worst_shift == 120


def test_order_does_not_matter() -> None:
    """Lines are found by their places: two on one height may be read in either order."""
    assert compare("it", RIGHT, changed(GATE, lambda lines: lines[::-1])).characters_differing == 0


@pytest.mark.parametrize(
    ("page", "change", "message"),
    [
        (
            KNOWN,
            line(0, text="Known page: 0123456788"),
            "1 of 47 characters differ, for instance 'Known page: 0123456788'",
        ),
        (TURNED, line(0, text="known page: 0123456789"), "on the known page upside down 1 of 47 characters differ"),
        (GATE, line(0, text="Invoice No. 7777-7777"), "on the gate page 7 of [0-9]+ characters differ"),
        (GATE, line(4, text=""), "5 of [0-9]+ characters differ, for instance ''; it reads '17.40'"),
        (GATE, lambda lines: lines[:4] + lines[5:], "it has no line where it reads '17.40'"),
        (KNOWN, lambda _: (), "it has no line where it reads 'Known page: 0123456789'$"),
        (GATE, line(4, polygon=box(20, 172)), "no line where it reads '17.40'; the nearest, '17.40', covers 33%"),
        (GATE, line(4, polygon=box(20, 160, 432)), "nearest, '17.40', covers 69%"),
        (GATE, line(4, polygon=((0.0, 0.0),) * 4), "no line where it reads '17.40'"),
        (GATE, lambda lines: (*lines, TextLine("ghost", 0.9, box(900, 0), 0.9)), "it reads 'ghost' where it sees no"),
        (GATE, lambda lines: (*lines, lines[0]), "it reads 'Invoice No. 2026-0417' where it sees no text"),
    ],
)
def test_wrong_readings_fail(page: KnownPage, change: Callable[[Lines], Lines], message: str) -> None:
    """A digit on the known page, a line that is missing, elsewhere or too many: the message shows which."""
    found = changed(page, change)
    with pytest.raises(ParityError, match=message) as caught:
        compare("it", RIGHT, found)
    assert "is not used" in caught.value.message
    assert "engine.precision" in caught.value.hint


def test_a_page_that_is_turned_otherwise_fails() -> None:
    """The classifier's part: an engine that does not see that a page is upside down."""
    found = {**RIGHT, TURNED: replace(RIGHT[TURNED], rotation=0)}
    with pytest.raises(ParityError, match="it turns the known page upside down by 0°, it by 180°"):
        compare("it", RIGHT, found)


def test_models_that_never_see_it_are_not_asked() -> None:
    """Where the reference takes the page for upright, both read nonsense, and how equal it is says nothing."""
    expected = {**RIGHT, TURNED: PageText((TextLine("abc", 0.9, box(0, 0), 0.9),), 0, {})}
    assert compare("it", expected, {**RIGHT, TURNED: PageText((), 0, {})}).lines == 12


def test_guesses_may_come_and_go() -> None:
    """Chinese, read by models that have no such characters: below half the confidence it is dropped, by rounding."""
    guess = changed(GATE, line(2, text="RAHNI", confidence=0.51))
    without = changed(GATE, lambda lines: lines[:2] + lines[3:])
    other = changed(GATE, line(2, text="RNHNI", confidence=0.6))
    for expected, found in [(guess, without), (without, guess), (guess, other)]:
        assert compare("it", expected, found).lines == 13


def test_the_pages_say_what_is_written_on_them() -> None:
    check_truth("it", RIGHT, ["", *"".join("".join(page.lines) for page in RIGHT)])


def test_models_are_not_asked_for_characters_they_do_not_have() -> None:
    """PP-OCRv4's way with the pages: no accents, no spaces between words; that is sound."""
    letters = [chr(code) for code in range(33, 127)]
    plain = {
        page: replace(
            text,
            lines=tuple(
                replace(line, text="".join(letter for letter in line.text if letter in letters)) for line in text.lines
            ),
        )
        for page, text in RIGHT.items()
    }
    check_truth("it", plain, ["", *letters, " "])


@pytest.mark.parametrize("page", [KNOWN, GATE])
@pytest.mark.parametrize("text", ["", "@@@@@@@@@@@@@@@@@@@@@@", "0123456789"])
def test_garbage_is_seen_without_a_reference(page: KnownPage, text: str) -> None:
    """An engine that reads the same wrong thing everywhere, or nothing."""
    found = changed(page, lambda lines: tuple(replace(line, text=text) for line in lines) if text else ())
    with pytest.raises(ParityError, match=f"it does not read the {page.name}: "):
        check_truth("it", found, ["", *"".join("".join(page.lines) for page in RIGHT)])


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [("", "", 0), ("abc", "", 3), ("", "abc", 3), ("kitten", "sitting", 3), ("1,0", "1.0", 1), ("ab", "ba", 2)],
)
def test_distance(one: str, other: str, edits: int) -> None:
    assert distance(one, other) == edits


def test_overlap() -> None:
    assert overlap(box(0, 0), box(0, 0)) == pytest.approx(1)
    assert overlap(box(0, 0, 10, 10), box(5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert overlap(box(0, 0, 10, 10), box(20, 0, 10, 10)) == 0
    assert overlap(((0.0, 0.0),) * 4, ((0.0, 0.0),) * 4) == 0
