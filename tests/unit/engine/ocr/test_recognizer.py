"""Pages whose lines make a net fail: what becomes of them, and of those beside them."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrspool.engine.ocr.recognizer import Nets, Recognizer
from ocrspool.pages import PageOptions, PageText, ReaderOrder
from support import color_bar_nets
from support.color_bar_nets import CHARACTERS, COLORS

Pixels = NDArray[np.uint8]

GOOD, BAD = COLORS["e"][2], COLORS["h"][2]
"""Grey levels of bars."""


class Touchy(color_bar_nets.Levels):
    """Raises an error of Python's where there is a bad line in the batch; counts its calls."""

    parallel = 1

    def __init__(self, batch: int) -> None:
        super().__init__(batch)
        self.calls = 0

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        self.calls += 1
        if (batch[:, 24, :, 0] == BAD).any():
            raise ValueError("a bad line")
        return super().__call__(batch)


def _recognizer(batch: int) -> tuple[Recognizer, Touchy]:
    net = Touchy(batch)
    return Recognizer(Nets(color_bar_nets.Ink(), net, color_bar_nets.Upright()), CHARACTERS), net


def _page(level: int, lines: int) -> Pixels:
    """Return a page of bars of one length, one below the other."""
    page = np.full((64 * lines, 256), 255, np.uint8)
    for number in range(lines):
        page[64 * number + 16 : 64 * number + 48, 16:240] = level
    return page


def _letters(found: Future[PageText]) -> list[str]:
    return [line.text[0] for line in found.result(timeout=60).lines]


def test_what_a_failed_page_has_left_is_not_read() -> None:
    """So a page that is tried again shares no batch with the lines for which it has to be."""
    recognizer, net = _recognizer(batch=4)
    with recognizer:
        with pytest.raises(ValueError, match="a bad line"):
            recognizer.submit(_page(BAD, 8), PageOptions("off")).result(timeout=60)
        assert _letters(recognizer.submit(_page(GOOD, 8), PageOptions("off"))) == ["e"] * 8
    assert net.calls == 1 + 2, "the first batch of the bad page, and both of the good one"


def test_a_page_beside_a_bad_one_is_read_at_the_second_try() -> None:
    """It fails where a batch has lines of both, and alone it does not; the bad one fails each time."""
    recognizer, _ = _recognizer(batch=64)
    with recognizer:
        for _ in range(10):
            good, bad = (recognizer.submit(_page(level, 3), PageOptions("off")) for level in (GOOD, BAD))
            with pytest.raises(ValueError, match="a bad line"):
                bad.result(timeout=60)
            if good.exception(timeout=60) is not None:
                good = recognizer.submit(_page(GOOD, 3), PageOptions("off"))
            assert _letters(good) == ["e"] * 3


def test_a_recognizer_beside_another_shares_its_nets_alone() -> None:
    """What is read there is in no batch with the lines of pages in work here."""
    recognizer, _ = _recognizer(batch=64)
    with recognizer, recognizer.beside() as fresh:
        bad = recognizer.submit(_page(BAD, 3), PageOptions("off"))
        assert _letters(fresh.submit(_page(GOOD, 3), PageOptions("off"))) == ["e"] * 3
        assert isinstance(bad.exception(timeout=60), ValueError)


class Failing(color_bar_nets.Ink):
    """A search that fails on whatever it is given."""

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        raise ValueError(f"searched {batch.shape}")


class Looking(color_bar_nets.Ink):
    """Remembers how large the pages were that it searched."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        self.shapes.append(batch.shape)
        return super().__call__(batch)


def test_a_page_is_searched_at_the_part_of_its_size_that_its_profile_says() -> None:
    """And its lines lie at the same places of the page."""
    page = np.full((1280, 960), 255, np.uint8)
    page[640:704, 96:800] = color_bar_nets.COLORS["b"][2]
    net = Looking()
    whole, three_quarters = PageOptions(), PageOptions(readers=ReaderOrder(search=0.75))
    with Recognizer(Nets(net, color_bar_nets.Levels(), color_bar_nets.Upright()), CHARACTERS) as recognizer:
        found = [recognizer.recognize([page], options)[0].lines for options in (whole, three_quarters)]
    assert net.shapes == [(1, 1280, 960, 3), (1, 960, 704, 3)]
    (one,), (other,) = found
    assert np.abs(np.array(one.polygon) - other.polygon).max() < 20  # pixels


@pytest.mark.parametrize("shape", [(16, 16), (300, 200), (300, 200, 3)])
def test_a_page_of_one_grey_needs_no_net(shape: tuple[int, ...]) -> None:
    page = np.full(shape, 255, np.uint8)
    net = Touchy(batch=1)
    with Recognizer(Nets(Failing(), net, color_bar_nets.Upright()), CHARACTERS) as recognizer:
        found = recognizer.submit(page).result(timeout=60)
        assert (found.lines, found.warnings, found.rotation, found.rules) == ((), (), 0, ())
        assert set(found.seconds) == {"detect", "orient", "recognize"}
        page.flat[-1] = 254
        with pytest.raises(ValueError, match="searched"):
            recognizer.submit(page).result(timeout=60)
