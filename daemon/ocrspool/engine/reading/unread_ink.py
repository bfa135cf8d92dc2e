"""Ink from which no letter was read.

A recognition net answers with blanks for what it cannot read, so the letters that come out say nothing about it. Of a
line in a script that the net does not know, a few digits are left, and each of them is certain. Where a letter was
read, the net says so in one step of a few pixels, near the middle of the letter. Ink that is farther from every such
step than half a wide letter was not read.

In an ordinary line no two letters are far enough apart for that, so its pixels are not examined.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from ocrspool.engine.models.model_set import LINE_HEIGHT
from ocrspool.engine.reading.strip_ink import ink_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ocrspool.engine.spec import Pixels

_REACH = 16.0  # pixels to each side of a letter that are its own, whatever the line; all of these are measured
_FAR_REACH = 30.0  # the most that they can be
_REACH_OF_FEW = 24.0  # where there are too few letters to know how wide they are
_FEW = 5
_REACH_OF_PITCH = 0.7  # of the distance between letters, which is taken at this quantile:
_PITCH_AT = 0.4
_BROAD = 1.5  # times as far reach the broad ones of an alphabet:
_BROAD_LETTERS = frozenset("mwMWæœÆŒ")
_WIDE_REACH = 28.0  # of what is as wide as it is high
_WIDE = frozenset("—…№™½¼¾‰%@&⊠☐☑☒")  # beside CJK
_LEAST_PIECE = 10  # pixels; narrower pieces of ink are edges of letters and dots
_LEAST_LETTER = LINE_HEIGHT // 3  # pixels; lower pieces are dashes, rules and asterisks
_MANY_ALIKE = 8  # pieces and more of one width are a separator, like a row of asterisks
_ALIKE = 3  # pixels, by which most of these differ at most
_JOINED_ACROSS = 3  # pixels without ink that do not end a piece
_RULE = 2 * LINE_HEIGHT  # pixels; a horizontal stroke of this length is a rule, and no part of a letter
_MIDDLE = slice(LINE_HEIGHT // 6, LINE_HEIGHT * 7 // 8)  # rows that are the line's own: others show its neighbors
_LEAST_IN_COLUMN = 2  # pixels of ink
_LEAST_CONTRAST = 40  # grey levels between paper and ink; noise and show-through have less
_LEAST_UNEVEN = 30  # grey levels that a column with ink spans at least
_INK_FROM = 0.4  # of the contrast


FIRST_WIDE = "\u2e80"
"""CJK radicals: from here on characters fill a square, mostly."""


class Letter(NamedTuple):
    """One character that came out, and where: the middle of its steps, in pixels of the strip."""

    text: str
    x: float
    probability: float = 1.0


class Ink(NamedTuple):
    """How much ink was left unread, in columns of pixels."""

    unread: int = 0
    pieces: int = 0
    """So many, apart from each other, are what was not read."""
    total: int = 0
    """Columns with any ink; 0 where nothing was unread, because then nobody looked."""


NOTHING_UNREAD = Ink()


def unread_ink(strip: Pixels, letters: Sequence[Letter]) -> Ink:
    """Return how much of the ink of a strip [48, w, 3] is out of reach of all letters that were read from it."""
    gaps = [gap for gap in _gaps(letters, strip.shape[1]) if _may_hold_ink(strip, *gap)]
    if not gaps:
        return NOTHING_UNREAD
    ink = _ink(strip)
    columns = _columns(ink)
    pieces = [size for start, end in gaps for size in _pieces(ink[:, start:end], columns[start:end])]
    if not pieces or _alike(pieces):
        return NOTHING_UNREAD
    return Ink(sum(pieces), len(pieces), int(np.count_nonzero(columns)))


def inked_columns(strip: Pixels) -> NDArray[np.bool_]:
    """Return for each column of a strip whether it holds ink as letters do."""
    return _columns(_ink(strip))


def _gaps(letters: Sequence[Letter], width: int) -> list[tuple[int, int]]:
    """Return the ranges of x that are out of every letter's reach, and wide enough to matter."""
    own = [letter for letter in letters if not letter.text.isspace()]
    reach = _reach([letter.x for letter in own])
    gaps = []
    end = 0.0
    for text, x, _ in own:
        far = _far(text, reach)
        if x - far - end >= _LEAST_PIECE:
            gaps.append((int(end), int(x - far)))
        end = max(end, x + far)
    if width - end >= _LEAST_PIECE:
        gaps.append((int(end), width))
    return gaps


def _may_hold_ink(strip: Pixels, start: int, end: int) -> bool:
    """Return whether a range of x may hold a letter: a quick look, which spares most gaps a closer one."""
    uneven = np.ptp(strip[_MIDDLE, start:end, 1], axis=0) >= _LEAST_UNEVEN
    return bool(_wide_pieces(uneven))


def _far(letter: str, reach: float) -> float:
    """Return how far this letter reaches to each side in a line where most letters have `reach`."""
    if letter >= FIRST_WIDE or letter in _WIDE:
        return max(reach, _WIDE_REACH)
    return _BROAD * reach if letter in _BROAD_LETTERS else reach


def _reach(places: list[float]) -> float:
    """Return how far a letter of this line reaches to each side."""
    if len(places) < _FEW:
        return _REACH_OF_FEW
    pitches = sorted(after - before for before, after in itertools.pairwise(places))
    return min(max(_REACH, _REACH_OF_PITCH * pitches[int(_PITCH_AT * len(pitches))]), _FAR_REACH)


def _alike(pieces: list[int]) -> bool:
    """Return whether pieces are too many of one width to be letters; the tenth that differs most does not count."""
    widths, few = sorted(pieces), len(pieces) // 10
    return len(widths) >= _MANY_ALIKE and widths[-1 - few] - widths[few] <= _ALIKE


def _ink(strip: Pixels) -> NDArray[np.uint8]:
    """Return 1 where a strip's middle rows have ink, as letters do: rules and noise do not count."""
    ink = ink_of(cv2.extractChannel(strip, 1), _MIDDLE, _LEAST_CONTRAST, _INK_FROM)
    if ink.shape[1] >= _RULE:
        rules = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, _RULE), np.uint8))
        ink[cv2.dilate(rules, np.ones((3, 1), np.uint8)) > 0] = 0
    return ink


def _columns(ink: NDArray[np.uint8]) -> NDArray[np.bool_]:
    columns: NDArray[np.bool_] = np.count_nonzero(ink, axis=0) >= _LEAST_IN_COLUMN
    return columns


def _pieces(ink: NDArray[np.uint8], columns: NDArray[np.bool_]) -> list[int]:
    """Return the columns of each piece of ink that is large enough to be a letter."""
    found = []
    for piece in _wide_pieces(columns):
        rows = np.flatnonzero(ink[:, piece[0] : piece[-1] + 1].any(axis=1))
        if rows[-1] - rows[0] + 1 >= _LEAST_LETTER:
            found.append(len(piece))
    return found


def _wide_pieces(columns: NDArray[np.bool_]) -> list[list[int]]:
    """Return the places of true values, piece by piece: those that are near each other and reach as far as a letter."""
    places: list[int] = np.flatnonzero(columns).tolist()
    pieces: list[list[int]] = []
    for place in places:
        if pieces and place - pieces[-1][-1] <= _JOINED_ACROSS + 1:
            pieces[-1].append(place)
        else:
            pieces.append([place])
    return [piece for piece in pieces if piece[-1] - piece[0] + 1 >= _LEAST_PIECE]
