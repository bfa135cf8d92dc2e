"""Lines become running text: words that were divided at the end of a line are whole again. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

_SOFT_HYPHEN = "\N{SOFT HYPHEN}"
_HYPHENS = ("-", "\N{HYPHEN}", "\N{NOT SIGN}")  # Fraktur and typewriters have signs that are read as the last one
_FIRST_WIDE = "\u2e80"  # from here on scripts are written without spaces between words
_HANGUL = ("\uac00", "\ud7a4")
_LAST_WORD = re.compile(r"([^\W\d_]+)\W?$")
_FIRST_WORD = re.compile(r"[^\W\d_]+")


def joined(lines: Iterable[str], compounds: Collection[str] = ()) -> str:
    """Return lines as one text. `compounds` are words with a hyphen of their own: they keep it, see `compounds_in`."""
    text = ""
    for line in map(str.strip, lines):
        if text and line:
            text = _joined(text, line, compounds)
        else:
            text += line
    return text.replace(_SOFT_HYPHEN, "")


def divided_word(line: str, next_line: str, compounds: Collection[str] = ()) -> str | None:
    """Return the word of which one part ends a line and the other begins the next one; None where there is none."""
    line, next_line = line.strip(), next_line.strip()
    if not line or not next_line or _joined(line, next_line, compounds) != line[:-1] + next_line:
        return None
    return line.split()[-1][:-1] + next_line.split()[0]


def _joined(text: str, line: str, compounds: Collection[str]) -> str:
    if text.endswith(_SOFT_HYPHEN):
        return text[:-1] + line
    if text.endswith(_HYPHENS) and len(text) > 1 and text[-2].isalpha():
        before, after = _LAST_WORD.search(text), _FIRST_WORD.match(line)
        if before and after and line[0].islower() and not _is_compound(before[1], after[0], compounds):
            return text[:-1] + line
        return text + line
    is_range = text.endswith(_HYPHENS) and text[-2:-1].isdigit() and line[0].isdigit()
    if is_range or (_is_wide(text[-1]) and _is_wide(line[0])):
        return text + line
    return f"{text} {line}"


def _is_compound(before: str, after: str, compounds: Collection[str]) -> bool:
    return f"{before}-{after}".lower() in compounds


def _is_wide(character: str) -> bool:
    return character >= _FIRST_WIDE and not _HANGUL[0] <= character < _HANGUL[1]


def compounds_in(lines: Iterable[str]) -> frozenset[str]:
    """Return the words of a document that have a hyphen within a line, in small letters."""
    found = (word for line in lines for word in re.findall(r"[^\W\d_]+-[^\W\d_]+", line))
    return frozenset(map(str.lower, found))
