"""Strips, buckets, batches and CTC decoding, with a net that reads brightness."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from ocrspool.engine.reading import recognize
from ocrspool.engine.reading.recognize import Reading, ReadSettings
from ocrspool.engine.reading.unread_ink import Ink, Letter
from ocrspool.engine.spec import ShapeProfile

CHARACTERS = ("", *"abcdefgh", " ")


class LevelNet:
    """Each 8 pixels are one step, whose class is their brightness by tens; remembers the shapes it saw."""

    parallel = 1
    profile = ShapeProfile((1, 48, 32, 3), (4, 48, 320, 3), (4, 48, 1600, 3))
    warm_up = ()

    def __init__(self, batch: int = 4) -> None:
        self.batch = batch
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, batch: NDArray[np.uint8]) -> tuple[NDArray[Any], ...]:
        self.shapes.append(batch.shape)
        steps = batch[:, 0, :, 0].reshape(len(batch), -1, 8).mean(axis=2)
        classes = np.where(steps < 100, steps // 10, 0).astype(np.int32)
        return classes, np.full(classes.shape, 0.5, np.float32)


def _strip(*levels: int) -> NDArray[np.uint8]:
    row = np.repeat(np.array(levels, np.uint8), 8)
    return np.ascontiguousarray(np.broadcast_to(row[None, :, None], (48, len(row), 3)))


def _text(letters: list[Letter]) -> str:
    return "".join(letter.text for letter in letters)


def _noise(width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 255, (48, width), dtype=np.uint8)


def test_repeats_and_blanks_fall_away() -> None:
    best = np.array([[0, 1, 1, 0, 1, 2, 2, 0], [0] * 8, [3, 0, 3, 3, 9, 9, 4, 4]], np.int32)
    probability = np.array([[9, 0.8, 9, 9, 0.6, 0.7, 9, 9], [9] * 8, [0.1, 9, 0.2, 9, 0.3, 9, 0.4, 9]], np.float32)
    readings = recognize.decode(best, probability, CHARACTERS)
    assert [_text(letters) for letters, _ in readings] == ["aab", "", "cc d"]
    assert [certainty for _, certainty in readings] == pytest.approx([0.7, 0, 0.25])


def test_letters_know_where_they_stand() -> None:
    """In the middle of the first step that says them."""
    best = np.array([[0, 1, 1, 0, 1, 2]], np.int32)
    ((letters, _),) = recognize.decode(best, np.ones(best.shape, np.float32), CHARACTERS, step=8)
    assert [(letter.text, letter.x) for letter in letters] == [("a", 12), ("a", 36), ("b", 44)]


def test_a_strip_has_the_nets_height_and_a_width_of_its_own() -> None:
    (grey,) = recognize.strips(np.zeros((96, 300), np.uint8), LevelNet(), ReadSettings())
    (color,) = recognize.strips(np.zeros((20, 100, 3), np.uint8), LevelNet(), ReadSettings())
    (speck,) = recognize.strips(np.zeros((100, 1), np.uint8), LevelNet(), ReadSettings())
    assert (grey.shape, color.shape, speck.shape) == ((48, 150, 3), (48, 240, 3), (48, 1, 3))


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_buckets_hold_their_strips_and_grow_with_them(one: int, other: int) -> None:
    net = LevelNet()
    small, large = sorted((one, other))
    assert (
        min(small, 1600)
        <= recognize.bucket(small, net, ReadSettings())
        <= recognize.bucket(large, net, ReadSettings())
        <= 1600
    )
    assert recognize.bucket(small, net, ReadSettings()) >= 32


def test_a_reading_does_not_depend_on_its_neighbors() -> None:
    net = LevelNet()
    line = _strip(10, 20, 20, 30)
    others = [_strip(40, 40), _strip(50), _strip(60, 70, 80)]
    alone = recognize.read(net, [line], CHARACTERS, ReadSettings())[0]
    among = recognize.read(net, [others[0], line, *others[1:]], CHARACTERS, ReadSettings())[1]
    assert alone == among
    assert (alone.text, alone.certainty) == ("abc", 0.5)
    assert net.shapes == [(4, 48, 32, 3)] * 2


def test_a_call_has_as_many_columns_of_pixels_as_are_allowed_whoever_else_is_in_it() -> None:
    """So the same line is always read in the same shape. A line wider than that is read alone."""
    net, settings = LevelNet(), ReadSettings(columns=192)
    lines = [_strip(*[10] * 4), _strip(*[10] * 4), _strip(*[20] * 12), _strip(*[30] * 30)]
    for batch in (lines[:1], lines[:2], lines[2:3], lines[3:]):
        recognize.read(net, batch, CHARACTERS, settings)
    assert net.shapes == [(4, 48, 32, 3), (4, 48, 32, 3), (2, 48, 96, 3), (1, 48, 256, 3)]


def test_a_line_too_wide_is_cut_at_a_gap_and_joined_with_a_space() -> None:
    net = LevelNet()
    ink = _noise(2400)
    ink[:, 1180:1220] = 255  # a word space, just where an even cut would be
    pieces = recognize.strips(ink, net, ReadSettings())
    assert [piece.shape[1] for piece in pieces] == [pytest.approx(1200, abs=2)] * 2
    assert all(piece[:, edge].min() == 255 for piece, edge in zip(pieces, (-1, 0), strict=True))
    readings = [Reading("left", 0.9), Reading("right", 0.6)]
    whole = recognize.joined(list(zip(pieces, readings, strict=True)))
    assert whole.text == "left right"
    assert whole.confidence == pytest.approx((4 * 0.9 + 5 * 0.6) / 9)


def test_what_a_piece_leaves_unread_lowers_the_confidence_of_the_line() -> None:
    pieces = recognize.strips(_noise(2400), LevelNet(), ReadSettings())
    readings = [Reading("left", 0.8), Reading("", 0.0, Ink(unread=60, pieces=3, total=100))]
    whole = recognize.joined(list(zip(pieces, readings, strict=True)))
    assert whole.unread_share == pytest.approx(0.6)
    assert whole.confidence == pytest.approx(whole.certainty * 0.4)


def test_a_cut_through_ink_joins_without_a_space() -> None:
    ink = _noise(2400)
    pieces = recognize.strips(ink, LevelNet(), ReadSettings())
    whole = recognize.joined([(piece, Reading("x", 1.0)) for piece in pieces])
    assert whole.text == "xx"


@pytest.mark.parametrize(("height", "width"), [(1, 20000), (12, 399), (12, 401), (48, 1600), (48, 1601), (20, 4000)])
def test_every_strip_fits_the_net(height: int, width: int) -> None:
    pieces = recognize.strips(np.zeros((height, width), np.uint8), LevelNet(), ReadSettings())
    assert sum(piece.shape[1] for piece in pieces) == pytest.approx(width * 48 / height, abs=1)
    assert all(1 <= piece.shape[1] <= 1600 for piece in pieces)


@given(
    st.integers(1, 3),
    st.integers(1, 30).flatmap(
        lambda steps: st.tuples(
            arrays(np.int32, (3, steps), elements=st.integers(0, len(CHARACTERS) - 1)),
            arrays(np.float32, (3, steps), elements=st.floats(width=32)),
        )
    ),
)
def test_any_classes_and_probabilities_give_readings(
    lines: int, found: tuple[NDArray[np.int32], NDArray[np.float32]]
) -> None:
    """Text of the alphabet, and a confidence between 0 and 1, whatever a net that overflows says of it."""
    best, probability = (array[:lines] for array in found)
    with np.errstate(all="ignore"):
        readings = recognize.decode(best, probability, CHARACTERS)
    assert len(readings) == lines
    for line, (letters, certainty) in zip(best.tolist(), readings, strict=True):
        kept = [number for number, before in zip(line, [0, *line[:-1]], strict=True) if number not in (0, before)]
        assert _text(letters) == "".join(CHARACTERS[number] for number in kept)
        assert 0 <= certainty <= 1
