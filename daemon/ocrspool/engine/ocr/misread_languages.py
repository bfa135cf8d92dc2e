"""Languages whose letters PP-OCRv6 takes for others, although it knows them and is sure: told by those that it reads.

A net that leaves letters out shows it by ink that nobody has read. One that takes a Vietnamese vowel for another shows
nothing. But it reads some of the letters that few other languages have, and these tell the language. Pure, and only the
text is looked at.
"""

# ruff: noqa: RUF001

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_LEAST_LETTERS = 5
"""Letters of a language on a page: fewer may be a name, or misread."""
_LEAST_KINDS = 2
"""Different ones among them: one letter alone may be what the net takes a speck or a stroke for."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language that the net reads badly."""

    name: str
    own: re.Pattern[str]
    """Letters that it has and that few other languages have, of those that the net reads."""
    least: float
    """Share of them among the letters of a text, from which on it is in this language: a third of what was read."""
    mistaken: str
    """Examples of letters, and what they are taken for."""
    data: str
    """What Tesseract calls it."""


# Of pages of these languages, PP-OCRv6 small reads 0.74 to 0.91, 0.79 to 0.90 and 0.43 to 0.45 of the words right.
_LANGUAGES = (
    Language("Turkish", re.compile("[ğĞıİşŞ]"), 0.03, "ı for i, ş for s", "tur"),
    Language("Romanian", re.compile("[ăĂșȘțȚşŞţŢ]"), 0.025, "ț for t, ș for s", "ron"),
    Language("Vietnamese", re.compile("[ăĂđĐơƠưƯ\u1ea0-\u1ef1]"), 0.02, "ễ for ê, ạ for a", "vie"),
)


def misread_language(texts: Sequence[str]) -> Language | None:
    """Return the language that lines are in, if it is one of those that the net reads badly."""
    marked = "".join(text for text in texts if not text.isascii())
    if not marked:
        return None
    letters = sum(map(str.isalpha, "".join(texts)))
    found = [(language, language.own.findall(marked)) for language in _LANGUAGES]
    likely = [
        (len(own), language)
        for language, own in found
        if len(own) >= max(_LEAST_LETTERS, language.least * letters) and len({*map(str.lower, own)}) >= _LEAST_KINDS
    ]
    return max(likely, key=lambda each: each[0])[1] if likely else None


def has_letters_of(language: Language, text: str) -> bool:
    """Return whether a line has letters that tell of this language."""
    return language.own.search(text) is not None


def told(language: Language) -> str:
    """Return what to say of a page in this language, and what to do."""
    return (
        f"The page seems to be in {language.name}. The recognition model takes letters of this language for others "
        f"({language.mistaken}) and is sure of them. Have a reader for this language asked first, for instance "
        f"tesseract:{language.data}."
    )
