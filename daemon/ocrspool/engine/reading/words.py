"""Where the words of a line stand: measured on its pixels, between the places at which the net saw their letters.

A recognition net reads a line in steps of about 8 pixels and says at which step it saw each letter. That place is near
the middle of the letter and too coarse for a box. So the places only say between which letters a word ends; where the
ink of a word begins and ends is looked up in the line's pixels, along the line's own direction and across it.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ocrspool.engine.models.model_set import LINE_HEIGHT
from ocrspool.layout.text_direction import reading_places
from ocrspool.pages import stands_alone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ocrspool.engine.reading.own_ink import OwnInk
    from ocrspool.engine.reading.recognize import Reading
    from ocrspool.engine.reading.unread_ink import Letter

_END_GAP = LINE_HEIGHT // 2  # pixels without ink, beyond which ink at a line's end belongs to no letter

_Run = tuple[int, int]
"""Start and end of columns."""


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

    letters: list[Letter]
    start: int
    end: int


def words(strips: Sequence[OwnInk], readings: Sequence[Reading]) -> list[Measured]:
    """Return the words of a line from left to right; of scripts without spaces each character is one.

    `strips` are the ink of the line, cut from left to right; `readings` say what each of them holds.
    """
    return _measured(strips, readings, by_character=False)


def characters(strips: Sequence[OwnInk], readings: Sequence[Reading]) -> list[Measured]:
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


def _measured(strips: Sequence[OwnInk], readings: Sequence[Reading], *, by_character: bool) -> list[Measured]:
    total = sum(len(ink.columns) for ink in strips)
    found: list[Measured] = []
    before = 0
    for ink, reading in zip(strips, readings, strict=True):
        for letters, start, end in _parts(reading.letters, ink, by_character=by_character):
            text = "".join(letter.text for letter in letters)
            certainty = sum(letter.probability for letter in letters) / len(letters)
            left, top, right, bottom = _around(ink, letters, start, end)
            box = Box((before + left) / total, top / LINE_HEIGHT, (before + right) / total, bottom / LINE_HEIGHT)
            found.append(Measured(text, certainty, box))
        before += len(ink.columns)
    return found


def _parts(letters: Sequence[Letter], ink: OwnInk, *, by_character: bool) -> Iterator[_Part]:
    """Yield the words of a strip, each with the columns from its first ink to its last, between its neighbors."""
    groups = list(_groups(letters, by_character=by_character))
    if not groups:
        return
    width = len(ink.columns)
    gaps, ends_of_gaps = ink.gaps, [end for _, end in ink.gaps]
    cuts = [_cut(ink, gaps, ends_of_gaps, (before[-1], after[0])) for before, after in itertools.pairwise(groups)]
    first, last = (min(int(letter.x), width - 1) for letter in (groups[0][0], groups[-1][-1]))
    starts = [_start(gaps, first), *(after for _, after in cuts)]
    ends = [*(before for before, _ in cuts), _end(gaps, last, width)]
    for group, start, end in zip(groups, starts, ends, strict=True):
        yield _Part(group, start, end)


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


def _cut(ink: OwnInk, gaps: Sequence[_Run], ends_of_gaps: Sequence[int], letters: tuple[Letter, Letter]) -> _Run:
    """Return where one word ends and the next one begins: the edges of the widest gap between two of their letters."""
    before, after = letters
    # The net may see a letter in the paper that fills its batch up, beyond the end of the strip.
    width = len(ink.columns)
    start = min(int(before.x), width - 1)
    end = min(max(int(after.x), start + 1), width)
    middle = (before.x + after.x) / 2
    between = []
    for left, right in itertools.islice(gaps, bisect_right(ends_of_gaps, start), None):
        if left >= end:
            break
        between.append((max(left, start), min(right, end)))
    if between:
        return max(between, key=lambda run: (run[1] - run[0], -abs((run[0] + run[1]) / 2 - middle)))
    # They touch: where there is the least ink, and of such places the one nearest to the middle.
    thin = np.count_nonzero(ink.pixels[:, start:end], axis=0) + np.abs(np.arange(start, end) - middle) / LINE_HEIGHT
    cut = start + int(np.argmin(thin))
    return cut, cut


def _start(gaps: Sequence[_Run], place: int) -> int:
    """Return the column at which the ink begins that goes on to `place`; wide gaps before it end the line."""
    return max((min(right, place) for left, right in gaps if left < place and min(right, place) - left >= _END_GAP),
               default=0)  # fmt: skip


def _end(gaps: Sequence[_Run], place: int, width: int) -> int:
    """Return the column at which the ink ends that goes on from `place`; a wide gap after it ends the line."""
    return next((max(left, place) for left, right in gaps if right - max(left, place) >= _END_GAP), width)


def _around(ink: OwnInk, letters: Sequence[Letter], start: int, end: int) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of the ink of some columns; without ink, the room that the letters have."""
    rows = ink.rows(start, end)
    if rows is not None:
        inked = np.flatnonzero(ink.columns[start:end])
        return start + int(inked[0]), rows[0], start + int(inked[-1]) + 1, rows[1]
    quarter = LINE_HEIGHT / 4
    right = min(letters[-1].x + quarter, float(len(ink.columns)))
    left = max(min(letters[0].x - quarter, right - 1), 0.0)
    return left, quarter, right, 3 * quarter
