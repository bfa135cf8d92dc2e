"""Where the words of a line stand: measured on its pixels, between the places at which the net saw their letters.

A recognition net reads a line in steps of about 8 pixels and says at which step it saw each letter. That place is near
the middle of the letter and too coarse for a box. So the places only say between which letters a word ends; where the
ink of a word begins and ends is looked up in the line's pixels, along the line's own direction and across it.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from ocrspool.engine.models.model_set import LINE_HEIGHT
from ocrspool.engine.reading.strip_ink import ink_of, runs_of
from ocrspool.layout.text_direction import reading_places
from ocrspool.pages import stands_alone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ocrspool.engine.reading.recognize import Reading
    from ocrspool.engine.reading.unread_ink import Letter
    from ocrspool.engine.spec import Pixels

_INK_FROM = 0.5  # of the contrast between paper and ink: the edge of a stroke that is blurred
_LEAST_CONTRAST = 12  # grey levels; less is noise
_EDGE_ROWS = LINE_HEIGHT // 4  # ink that touches the strip's edge and stays within this belongs to another line
_RULE = 2 * LINE_HEIGHT  # pixels; a stroke that is longer and thinner than letters are is a rule
_THIN = LINE_HEIGHT // 8
_END_GAP = LINE_HEIGHT // 2  # pixels without ink, beyond which ink at a line's end belongs to no letter
_SPECK = 3  # pixels; smaller pieces are noise


class Box(NamedTuple):
    """A part of a line's strip: 0 to 1 along the line, and 0 to 1 across it, from the text's own top left."""

    left: float
    top: float
    right: float
    bottom: float


class Measured(NamedTuple):
    """One word, or one character, and where it stands."""

    text: str
    certainty: float
    """0 to 1: mean probability of its characters."""
    box: Box


class _Part(NamedTuple):
    """Letters that follow each other in one strip, and the columns that are theirs."""

    letters: tuple[Letter, ...]
    start: int
    end: int


def words(strips: Sequence[Pixels], readings: Sequence[Reading]) -> list[Measured]:
    """Return the words of a line from left to right; of scripts without spaces each character is one.

    `strips` are the line's pixels [48, w, 3], cut from left to right; `readings` say what each of them holds.
    """
    return _measured(strips, readings, by_character=False)


def characters(strips: Sequence[Pixels], readings: Sequence[Reading]) -> list[Measured]:
    """Return the characters of a line, spaces left out; likewise."""
    return _measured(strips, readings, by_character=True)


def as_in(text: str, found: Sequence[Measured]) -> list[Measured]:
    """Return those words that are in a line's text: signs that were taken out of it go, one that stands for another."""
    kept = []
    place = 0
    for word in found:
        while place < len(text) and text[place].isspace():
            place += 1
        if text.startswith(word.text, place):
            kept.append(word)
            place += len(word.text)
        elif text[place : place + 1] == "¥":
            kept.append(word._replace(text="¥"))
            place += 1
    return kept


def words_as_read(text: str, found: Sequence[Measured]) -> list[Measured]:
    """Return the words of a line in the order in which they are read, which is how the letters of each stand, too.

    `text` is the line as its letters lie, from left to right, and `found` has words of it in the same order, as `as_in`
    returns them.
    """
    places = reading_places(text)
    if isinstance(places, range):
        return list(found)
    owner: dict[int, int] = {}
    start = 0
    for number, word in enumerate(found):
        start = text.find(word.text, start)
        owner.update(dict.fromkeys(range(start, start + len(word.text)), number))
        start += len(word.text)
    read: dict[int, str] = {}
    for place in places:
        if place in owner:
            read[owner[place]] = read.get(owner[place], "") + text[place]
    return [found[number]._replace(text=letters) for number, letters in read.items()]


def _measured(strips: Sequence[Pixels], readings: Sequence[Reading], *, by_character: bool) -> list[Measured]:
    total = sum(strip.shape[1] for strip in strips)
    found: list[Measured] = []
    before = 0
    for strip, reading in zip(strips, readings, strict=True):
        ink = _ink(strip)
        for part in _parts(reading.letters, ink, by_character=by_character):
            text = "".join(letter.text for letter in part.letters)
            certainty = sum(letter.probability for letter in part.letters) / len(part.letters)
            left, top, right, bottom = _around(ink, part)
            box = Box((before + left) / total, top / LINE_HEIGHT, (before + right) / total, bottom / LINE_HEIGHT)
            found.append(Measured(text, certainty, box))
        before += strip.shape[1]
    return found


def _parts(letters: Sequence[Letter], ink: NDArray[np.uint8], *, by_character: bool) -> Iterator[_Part]:
    """Yield the words of a strip, each with the columns between it and its neighbors."""
    groups = list(_groups(letters, by_character=by_character))
    if not groups:
        return
    inked: NDArray[np.bool_] = np.any(ink, axis=0)
    cuts = [_cut(ink, inked, before[-1], after[0]) for before, after in itertools.pairwise(groups)]
    first, last = (min(int(letter.x), len(inked) - 1) for letter in (groups[0][0], groups[-1][-1]))
    starts = [_end(inked[:first][::-1], first, -1), *(after for _, after in cuts)]
    ends = [*(before for before, _ in cuts), _end(inked[last:], last, 1)]
    for group, start, end in zip(groups, starts, ends, strict=True):
        yield _Part(tuple(group), start, end)


def _groups(letters: Sequence[Letter], *, by_character: bool) -> Iterator[list[Letter]]:
    """Yield the letters of each word."""
    word: list[Letter] = []
    for letter in letters:
        alone = by_character or stands_alone(letter.text)
        if word and (alone or letter.text.isspace()):
            yield word
            word = []
        if letter.text.isspace():
            continue
        if alone:
            yield [letter]
        else:
            word.append(letter)
    if word:
        yield word


def _cut(ink: NDArray[np.uint8], inked: NDArray[np.bool_], before: Letter, after: Letter) -> tuple[int, int]:
    """Return where one word ends and the next one begins: the edges of the widest gap between their letters."""
    # The net may see a letter in the paper that fills its batch up, beyond the end of the strip.
    start = min(int(before.x), len(inked) - 1)
    end = min(max(int(after.x), start + 1), len(inked))
    middle = (before.x + after.x) / 2
    runs = runs_of(~inked[start:end])
    if runs:
        left, right = max(runs, key=lambda run: (run[1] - run[0], -abs(start + sum(run) / 2 - middle)))
        return start + left, start + right
    # They touch: where there is the least ink, and of such places the one nearest to the middle.
    thin = np.count_nonzero(ink[:, start:end], axis=0) + np.abs(np.arange(start, end) - middle) / LINE_HEIGHT
    cut = start + int(np.argmin(thin))
    return cut, cut


def _end(inked: NDArray[np.bool_], place: int, way: int) -> int:
    """Return the column at which the ink ends that goes on from `place` to this end of the strip."""
    gap = next((run[0] for run in runs_of(~inked) if run[1] - run[0] >= _END_GAP), len(inked))
    return place + way * gap


def _around(ink: NDArray[np.uint8], part: _Part) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a part's ink; of one without ink, the room that its letters have."""
    own = ink[:, part.start : part.end]
    columns, rows = np.flatnonzero(own.any(axis=0)), np.flatnonzero(own.any(axis=1))
    if len(columns):
        left, right = part.start + int(columns[0]), part.start + int(columns[-1]) + 1
        return left, int(rows[0]), right, int(rows[-1]) + 1
    quarter = LINE_HEIGHT / 4
    end = min(part.letters[-1].x + quarter, float(ink.shape[1]))
    start = max(min(part.letters[0].x - quarter, end - 1), 0.0)
    return start, quarter, end, 3 * quarter


def _ink(strip: Pixels) -> NDArray[np.uint8]:
    """Return 1 where a strip [48, w, 3] has ink of its own line: no rules, no specks, nothing of other lines."""
    ink = ink_of(cv2.extractChannel(strip, 1), slice(None), _LEAST_CONTRAST, _INK_FROM)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8, ltype=cv2.CV_16U)
    _, top, width, height, area = stats.T
    bottom = top + height
    beside = ((top == 0) & (bottom <= _EDGE_ROWS)) | ((bottom == LINE_HEIGHT) & (top >= LINE_HEIGHT - _EDGE_ROWS))
    rule = ((width >= _RULE) & (height <= _THIN)) | ((height == LINE_HEIGHT) & (width <= _THIN))
    foreign = beside | rule | (area < _SPECK)
    foreign[0] = False
    if foreign.any():
        ink[foreign[labels]] = 0
    return ink
