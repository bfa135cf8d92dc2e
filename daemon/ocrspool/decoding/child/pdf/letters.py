"""Tell by its letters alone whether a text can be right. This cheap check comes before a comparison with a reading.

A font whose letters stand for other letters keeps the frequencies, but at other letters. So the letter frequencies of a
Latin text are compared with those of European languages, by the cosine between them. Measured on 77 documents in
English, German and French, in pieces of 100 letters: 97 % of right pieces are above 0.8, and one in 10,000 of the
pieces whose letters are shifted through the alphabet.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter

_FREQUENCIES = {
    "a": 10.3, "b": 1.3, "c": 3.2, "d": 4.6, "e": 13.5, "f": 1.2, "g": 1.9, "h": 2.2, "i": 7.4, "j": 0.7, "k": 1.2,
    "l": 4.4, "m": 2.9, "n": 7.3, "o": 7.4, "p": 2.2, "q": 0.5, "r": 6.5, "s": 6.4, "t": 6.2, "u": 3.6, "v": 1.5,
    "w": 1.2, "x": 0.1, "y": 0.9, "z": 1.2,
}  # fmt: skip
"""Percent: the mean of the usual tables for English, German, French, Spanish, Italian, Portuguese, Dutch, Polish and
Swedish, without accents."""
_LENGTH = math.sqrt(sum(share**2 for share in _FREQUENCIES.values()))
_ALIKE = 0.8
LEAST = 100
"""Letters from which frequencies say something."""
_LATIN = 0.8
"""Share of letters that have to be Latin ones."""
_ODD = 0.1
"""Share of characters that no text is made of."""
_ODD_KINDS = {"Cc", "Cf", "Co", "Cn", "Cs"}
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def is_plausible(text: str) -> bool | None:
    """Tell whether a text is one in a European language; None where its letters are too few or of another script."""
    characters = [letter for letter in text if not letter.isspace()]
    odd = sum(letter == _REPLACEMENT or unicodedata.category(letter) in _ODD_KINDS for letter in characters)
    if odd > _ODD * len(characters):
        return False
    letters = sum(letter.isalpha() for letter in characters)
    latin = Counter(
        letter for letter in unicodedata.normalize("NFKD", "".join(characters)).lower() if letter in _FREQUENCIES
    )
    if letters < LEAST or latin.total() < _LATIN * letters:
        return None
    product = sum(share * latin[letter] for letter, share in _FREQUENCIES.items())
    return product >= _ALIKE * _LENGTH * math.sqrt(sum(count**2 for count in latin.values()))
