"""Several readers: who is asked for a line, whose reading stays, and who shares threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrspool.engine.ocr.recognizer import Recognizer
from ocrspool.engine.reading.recognize import Reading
from ocrspool.engine.reading.unread_ink import Letter
from ocrspool.errors import OcrspoolError
from ocrspool.pages import PageOptions, PageText, ReaderOrder
from support import color_bar_nets
from support.color_bar_nets import CHARACTERS, COLORS

Pixels = NDArray[np.uint8]

GREYS = {letter: color[2] for letter, color in COLORS.items()}
"""Grey level of the bar that the net of these tests reads as a line of the letter, at 0.97."""


class Fake:
    """A reader that is as sure of a bar as it is told, by the level of the bar."""

    def __init__(self, sure: Callable[[int], float], letter: str, *, own_threads: bool = False) -> None:
        self._sure, self._letter, self.own_threads = sure, letter, own_threads
        self.parallel = 1
        self.asked: list[int] = []
        self.widths: list[int] = []
        self.threads: set[str] = set()
        self.closed = False

    def width(self, pixels: int) -> int:  # noqa: ARG002
        return 0

    def batch_at(self, width: int) -> int:  # noqa: ARG002
        return 4

    def read(self, strips: Sequence[Pixels]) -> list[Reading]:
        self.threads.add(threading.current_thread().name.rpartition("_")[0])
        levels = [int(strip[24, strip.shape[1] // 2, 0]) for strip in strips]
        widths = [strip.shape[1] for strip in strips]
        self.asked += levels
        self.widths += widths
        return [self._reading(level, width) for level, width in zip(levels, widths, strict=True)]

    def close(self) -> None:
        self.closed = True

    def _reading(self, level: int, width: int) -> Reading:
        text = self._letter * 8
        places = [width * (place + 0.5) / 8 for place in range(8)]
        letters = tuple(Letter(letter, x, self._sure(level)) for letter, x in zip(text, places, strict=False))
        return Reading(text, self._sure(level), letters=letters)


def _page(*letters: str) -> Pixels:
    """Return a page of bars, one below the other."""
    page = np.full((64 * len(letters), 256), 255, np.uint8)
    for number, letter in enumerate(letters):
        page[64 * number + 16 : 64 * number + 48, 16:240] = GREYS[letter]
    return page


def _read(page: Pixels, order: ReaderOrder, **readers: Fake) -> PageText:
    with Recognizer(color_bar_nets.nets(), CHARACTERS, readers=readers) as recognizer:
        return recognizer.submit(page, PageOptions("off", readers=order)).result(timeout=60)


def _told(found: PageText) -> list[tuple[str, str]]:
    return [(line.text[0], line.reader) for line in found.lines]


def test_a_line_of_which_a_reader_is_sure_is_read_by_no_other() -> None:
    """The first reader knows one kind of bar only, as a net knows one script; nobody says which line is which."""
    first = Fake(lambda level: 0.99 if abs(level - GREYS["b"]) < 5 else 0.3, "x")
    found = _read(_page("b", "e", "b"), ReaderOrder(("first", "default")), first=first)
    assert _told(found) == [("x", "first"), ("e", "default"), ("x", "first")]
    assert len(first.asked) == 3


def test_the_default_reader_can_be_asked_first() -> None:
    """It is sure at 0.97, which is less than is asked for here; the other one is asked, and is not surer."""
    second = Fake(lambda level: 0.98 if abs(level - GREYS["e"]) < 5 else 0.6, "y")
    found = _read(_page("b", "e"), ReaderOrder(("default", "second"), sure=0.975), second=second)
    assert _told(found) == [("b", "default"), ("y", "second")]


def test_only_readers_of_the_profile_are_asked() -> None:
    first = Fake(lambda _: 1.0, "x")
    assert _told(_read(_page("b"), ReaderOrder(), first=first)) == [("b", "default")]
    assert first.asked == []


def test_three_readers_in_turn() -> None:
    """The second one is not sure either, and the third is asked for what is left only."""
    second = Fake(lambda level: 0.99 if abs(level - GREYS["e"]) < 5 else 0.5, "y")
    third = Fake(lambda _: 0.99, "z")
    order = ReaderOrder(("default", "second", "third"), sure=0.98)
    found = _read(_page("b", "e", "h"), order, second=second, third=third)
    assert _told(found) == [("z", "third"), ("y", "second"), ("z", "third")]
    assert len(third.asked) == 2


def test_a_surer_reading_stays_where_nobody_is_sure() -> None:
    worse = Fake(lambda _: 0.7, "x")
    found = _read(_page("b"), ReaderOrder(("worse", "default"), sure=0.99), worse=worse)
    assert _told(found) == [("b", "default")]
    better_first = _read(_page("b"), ReaderOrder(("default", "worse"), sure=0.99), worse=Fake(lambda _: 0.7, "x"))
    assert _told(better_first) == [("b", "default")]


def test_a_stronger_reader_may_have_a_head_start() -> None:
    """It stays where it is a little less sure than a weak one; not where it is clearly less sure."""
    for head_start, told in ((0.0, ("x", "weak")), (0.05, ("b", "default")), (0.01, ("x", "weak"))):
        weak = Fake(lambda _: 0.99, "x")
        order = ReaderOrder(("weak", "default"), 0.995, head_start)
        assert _told(_read(_page("b"), order, weak=weak)) == [told]


def test_a_line_that_runs_down_is_read_by_the_next_reader_both_ways() -> None:
    """The way up that the first reader preferred may be the wrong one in the script of the second."""
    page = np.full((640, 480), 255, np.uint8)
    page[64:512, 64:96] = GREYS["b"]
    second = Fake(lambda _: 0.99, "y")
    found = _read(page, ReaderOrder(("default", "second"), sure=0.98), second=second)
    assert _told(found) == [("y", "second")]
    assert len(second.asked) == 2


def test_a_slow_reader_has_threads_of_its_own() -> None:
    slow = Fake(lambda _: 0.99, "x", own_threads=True)
    quick = Fake(lambda _: 0.5, "y")
    found = _read(_page("b"), ReaderOrder(("quick", "slow")), slow=slow, quick=quick)
    assert _told(found) == [("x", "slow")]
    assert (slow.threads, quick.threads) == ({"read slow"}, {"recognize"})


def test_a_slow_reader_keeps_no_net_waiting() -> None:
    """While it holds a line of one page, another page is read."""
    held, go_on = threading.Event(), threading.Event()

    class Held(Fake):
        def read(self, strips: Sequence[Pixels]) -> list[Reading]:
            held.set()
            assert go_on.wait(60)
            return super().read(strips)

    slow = Held(lambda _: 0.99, "x", own_threads=True)
    with Recognizer(color_bar_nets.nets(), CHARACTERS, readers={"slow": slow}) as recognizer:
        waiting = recognizer.submit(_page("b"), PageOptions("off", readers=ReaderOrder(("slow",))))
        assert held.wait(60)
        assert _told(recognizer.submit(_page("e"), PageOptions("off")).result(timeout=60)) == [("e", "default")]
        go_on.set()
        assert _told(waiting.result(timeout=60)) == [("x", "slow")]


def test_a_reader_that_the_engine_does_not_have_is_named() -> None:
    with (
        Recognizer(color_bar_nets.nets(), CHARACTERS, readers={"first": Fake(lambda _: 1.0, "x")}) as recognizer,
        pytest.raises(OcrspoolError, match="no reader 'second'; it has default, first"),
    ):
        recognizer.submit(_page("b"), PageOptions("off", readers=ReaderOrder(("second",))))


def test_a_recognizer_beside_another_leaves_its_readers_open() -> None:
    reader = Fake(lambda _: 1.0, "x")
    with Recognizer(color_bar_nets.nets(), CHARACTERS, readers={"first": reader}) as recognizer:
        with recognizer.beside() as fresh:
            assert _told(
                fresh.submit(_page("b"), PageOptions("off", readers=ReaderOrder(("first",)))).result(timeout=60)
            )
        assert not reader.closed
    recognizer.close_readers()
    assert reader.closed


@pytest.mark.parametrize(
    ("letter", "wary", "reader"), [("é", True, "default"), ("é", False, "weak"), ("x", True, "weak")]
)
def test_a_weak_reader_is_not_believed_where_it_is_often_wrong(letter: str, *, wary: bool, reader: str) -> None:
    """However sure it is, and although the next one is less sure."""
    weak = Fake(lambda _: 1.0, letter)
    order = ReaderOrder(("weak", "default"), head_start=1.0, wary=wary)
    assert [line.reader for line in _read(_page("b", "e"), order, weak=weak).lines] == [reader, reader]


def test_with_a_head_start_of_one_the_last_reading_stays() -> None:
    """Also where the last reader has read nothing: what the one before has made of a drawing is no text then."""
    weak, strong = Fake(lambda _: 0.9, "x"), Fake(lambda _: 0.0, "")
    found = _read(_page("b"), ReaderOrder(("weak", "strong"), head_start=1.0), weak=weak, strong=strong)
    assert found.lines == ()


def test_wide_letters_are_made_narrower_for_the_next_reader() -> None:
    """Not for the first one, which tells how wide they are. Words stay where they are on the page."""
    widths, words = {}, {}
    for letter_width in (0.0, 20.0):
        weak, strong = Fake(lambda _: 0.5, "x"), Fake(lambda _: 0.9, "y")
        order = ReaderOrder(("weak", "strong"), head_start=1.0, letter_width=letter_width)
        found = _read(_page("b"), order, weak=weak, strong=strong)
        widths[letter_width] = (weak.widths, strong.widths)
        words[letter_width] = found.lines[0].words
    line, whole = 267, 178  # the line, and all ink of a small picture as one
    assert widths == {0.0: ([line, whole], [line, whole]), 20.0: ([line, whole], [192, 160])}
    assert words[20.0]
    assert words[20.0] == words[0.0]
