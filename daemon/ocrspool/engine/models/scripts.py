"""In which scripts the characters of a recognition model are written: what it can read, for people."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

_LEAST: Mapping[str, int] = {"CJK": 1000, "HANGUL": 500}
_LEAST_LETTERS = 20
"""Letters of one script: fewer are signs of mathematics and of physics."""
_NEEDED: Mapping[str, str] = {"GREEK": "ά"}
"""A letter without which a script cannot be read: most models have the Greek letters of formulas."""
_NO_SCRIPTS = {"HALFWIDTH", "FULLWIDTH"}
_NAMES: Mapping[str, str] = {"CJK": "Han"}
"""Where the first word of a character's Unicode name is not how the script is called."""


def written_in(characters: Iterable[str]) -> tuple[str, ...]:
    """Return the scripts of which there are enough letters to read texts, that with most letters first."""
    letters = {letter.lower() for character in characters for letter in character if letter.isalpha()}
    count = Counter(unicodedata.name(letter[0], "").partition(" ")[0].partition("-")[0] for letter in letters)
    return tuple(
        _NAMES.get(script, script.title())
        for script, number in count.most_common()
        if script and script not in _NO_SCRIPTS and number >= _LEAST.get(script, _LEAST_LETTERS)
        if _NEEDED.get(script, "") in {"", *letters}
    )
