"""Scripts that run from right to left: from the order in which letters lie to the order in which they are read.

Every reader gives the letters of a line as they lie, from left to right. PaddleX gives the text of its Arabic models to
its users like that. A result has them in the order in which they are read and stored ("logical order"), as all programs
expect it of text. This module does what UAX #9, the bidirectional algorithm of Unicode, does for showing a line, the
other way round. It knows of letters, numbers and what is between them. Text has no control characters when it was read
from a picture.
"""

from __future__ import annotations

import itertools
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_RIGHT_TO_LEFT = {"R", "AL"}
_NUMBERS = {"EN", "AN"}
"""Of digits. Signs have these: CS (period, colon, slash) and ES (minus sign) belong to a number between two digits, ET
(percent sign, currencies) at either end of it."""
_FIRST_RIGHT_TO_LEFT = "\u0590"
"""No character before this one is of a script that runs from right to left."""


def runs_from_the_right(text: str) -> bool:
    """Return whether most letters of a text are of scripts that run from right to left."""
    if text.isascii() or max(text) < _FIRST_RIGHT_TO_LEFT:
        return False
    kinds = [unicodedata.bidirectional(character) for character in text]
    return sum(kind in _RIGHT_TO_LEFT for kind in kinds) > kinds.count("L")


def page_runs_from_the_right(texts: Sequence[str]) -> bool:
    """Return whether most of the lines with letters run from right to left: then their page is read from the right.

    Numbers say nothing: most cells of a table may hold nothing else.
    """
    from_the_right = [text for text in texts if runs_from_the_right(text)]
    if not from_the_right:
        return False
    lettered = sum(any(unicodedata.bidirectional(character) == "L" for character in text) for text in texts)
    mixed = sum(any(unicodedata.bidirectional(character) == "L" for character in text) for text in from_the_right)
    return len(from_the_right) > lettered - mixed


def reading_places(text: str) -> Sequence[int]:
    """Return the places of the characters of a line in the order in which they are read; `text` is as they lie."""
    if text.isascii() or max(text, default="") < _FIRST_RIGHT_TO_LEFT:
        return range(len(text))
    from_the_right = runs_from_the_right(text)
    levels = _levels(_kinds(text), from_the_right=from_the_right)
    return _turned(levels)


def in_reading_order(text: str) -> str:
    """Return a line in the order in which it is read; `text` is as its letters lie."""
    places = reading_places(text)
    return text if isinstance(places, range) else "".join(text[place] for place in places)


def as_it_lies(text: str) -> str:
    """Return a word with its letters from left to right; `text` is as it is read.

    In a line whose letters all run from the right, turning it round is its own reverse.
    """
    return in_reading_order(text)


def _kinds(text: str) -> list[str]:
    """Return for each character: R or L for letters, N for what belongs to a number, - for what is between these."""
    found = [unicodedata.bidirectional(character) for character in text]
    kinds = [
        "R" if kind in _RIGHT_TO_LEFT else "N" if kind in _NUMBERS else "L" if kind == "L" else "-" for kind in found
    ]
    arabic = "AL" in found  # there the minus sign and the percent sign are no part of a number
    for place in range(1, len(found) - 1):
        inside = found[place] == "CS" or (found[place] == "ES" and not arabic)
        if inside and found[place - 1] in _NUMBERS and found[place + 1] in _NUMBERS:
            kinds[place] = "N"
    if not arabic:
        for places in (range(1, len(found)), range(len(found) - 2, -1, -1)):
            for place in places:
                beside = kinds[place - 1] if places.step > 0 else kinds[place + 1]
                if found[place] == "ET" and beside == "N":
                    kinds[place] = "N"
    return kinds


def _levels(kinds: list[str], *, from_the_right: bool) -> list[int]:
    """Return how deep each character is in runs of the other direction: odd levels run from the right.

    A number runs from the left. In a line that runs from the right, it is a part of the Latin text before it. In a line
    that runs from the left, it is a part of the text that runs from the right on both its sides.
    """
    before = _letters_before(kinds)
    if from_the_right:
        kinds = ["L" if kind == "N" and letter == "L" else kind for kind, letter in zip(kinds, before, strict=True)]
        return [2 if kind in {"L", "N"} else 1 for kind in _filled(kinds, "L")]
    after = _letters_before(kinds[::-1])[::-1]
    sides = zip(kinds, before, after, strict=True)
    kinds = ["n" if kind == "N" and one == other == "R" else kind for kind, one, other in sides]
    return [2 if kind == "n" else int(kind == "R") for kind in _filled(kinds, "Rn")]


def _letters_before(kinds: list[str]) -> list[str]:
    """Return for each character the kind of the last letter before it."""
    return list(itertools.accumulate(kinds, lambda last, kind: kind if kind in {"L", "R"} else last, initial="-"))[:-1]


def _filled(kinds: list[str], inside: str) -> list[str]:
    """Return the kinds, with what lies between two characters of these kinds as a part of their text."""
    filled = list(kinds)
    last = None
    for place, kind in enumerate(kinds):
        if kind == "-":
            continue
        if last is not None and kind in inside and kinds[last] in inside:
            filled[last + 1 : place] = [inside[0]] * (place - last - 1)
        last = place
    return filled


def _turned(levels: list[int]) -> list[int]:
    """Return the places with each run turned as its level asks for: rule L2 of UAX #9, which is its own reverse."""
    places = list(range(len(levels)))
    for level in range(max(levels), 0, -1):
        start = 0
        for deep, run in itertools.groupby(levels, lambda each, level=level: each >= level):  # type: ignore[misc]
            end = start + len(list(run))
            if deep:
                places[start:end] = places[start:end][::-1]
            start = end
    return places
