"""What in a text makes it worth reading once more by a stronger net, however sure the weak one is.

A small net is sure of what it knows best: common letters in common words. It takes rare letters for common ones and
leaves spaces out where a digit or a sign stands. So its mistakes gather in a few kinds of words, at any confidence.
docs/performance.md says what each of them yields.
"""

from __future__ import annotations

import re

_AROUND = ".,:;()[]{}\"'-/!?*#"
"""Signs at the ends of a word, which are none of its letters."""
_GLUED = re.compile(r"[A-Za-z]{2}[.,:;)(][A-Za-z0-9]|[0-9]{5,}:[0-9]|[0-9]\(|\)[0-9]")
"""Where a space may be missing: "No.00149", "Bahru,Johor", "201819:53", "(0)20"."""
_LATIN_TO = "\u024f"
"""The last letter of the Latin blocks of Unicode with accents, which small nets mix up with letters without."""


def has_signs(text: str) -> bool:
    """Return whether a line has a word of letters and digits, a place where a space may be missing, or an accent."""
    return any(map(_is_suspicious, text.split()))


def _is_suspicious(word: str) -> bool:
    core = word.strip(_AROUND)
    letters, digits = any(map(str.isalpha, core)), any(map(str.isdigit, core))
    accent = any("\x7f" < letter <= _LATIN_TO and letter.isalpha() for letter in core)
    return (letters and digits) or accent or _GLUED.search(word) is not None
