"""The long s of old print, which nets and most data of Tesseract take for f: mended by a reader that knows it. Pure.

The default reader reads old roman type best, but for this letter, of which it is as sure as of others. Readers for
Fraktur see the letter, and are less sure of the line. So the surest reading stays, with the long s that another reader
has seen in the place of an f.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocrspool.engine.reading.recognize import Reading

LONG_S = "\N{LATIN SMALL LETTER LONG S}"


def with_long_s(reading: Reading, others: Iterable[Reading]) -> Reading:
    """Return what one reader says of a strip, with each f as a long s of which another one says so."""
    places = {place for other in others if LONG_S in other.text for place in _seen(reading.text, other.text)}
    letters = reading.letters
    if not places or (letters and [letter.text for letter in letters] != list(reading.text)):
        return reading
    text = "".join(LONG_S if place in places else character for place, character in enumerate(reading.text))
    return replace(
        reading,
        text=text,
        letters=tuple(letter._replace(text=character) for letter, character in zip(letters, text, strict=False)),
    )


def _seen(text: str, other: str) -> list[int]:
    """Return the places of each f in a text in whose place the other text has a long s."""
    if "f" not in text:
        return []
    found = SequenceMatcher(None, text, other, autojunk=False).get_opcodes()
    return [
        start + offset
        for kind, start, end, begin, stop in found
        if kind == "replace" and end - start == stop - begin
        for offset in range(end - start)
        if text[start + offset] == "f" and other[begin + offset] == LONG_S
    ]
