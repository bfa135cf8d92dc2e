"""Han and kana signs that stand alone on a page of another script: the net's guesses at logos, ticks, rules and ¥."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIGN = "\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_SIGNS = re.compile(f"[{_SIGN}]")
_LONE = re.compile(rf"(?<!\S)[{_SIGN}](?!\S)")
_YEN = re.compile(r"(?<!\S)夫(?=\s?\d)")
_FEW = 0.1
"""Share of a page's characters below which the page is not written in Han and kana (measured on two corpora)."""


def without_lone_signs(lines: Sequence[str]) -> list[str]:
    """Return the lines of one page without single signs, where the page is of another script; some may be empty then.

    A sign beside another one, a letter or a digit stays: that is a word, or a unit. 夫 before a number is ¥.
    """
    text = "".join("".join(lines).split())
    if not text or len(_SIGNS.findall(text)) >= _FEW * len(text):
        return list(lines)
    return [_LONE.sub("", _YEN.sub("¥", line)) if _SIGNS.search(line) else line for line in lines]
