"""How high the letters of a line of a PDF are, and how thick their strokes: what tells a heading from the text below.

An engine measures both on pixels (engine/reading/letter_size.py). Here the height is that of the outlines of letters,
and the strokes follow from whether the font is bold. So blocks are found in both kinds of lines by the same rules.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

import pypdfium2
from pypdfium2 import raw

from ocrspool.decoding.child.pdf.strings import UTF_8

_SMALL = frozenset("acemnorsuvwxz")
"""Letters that reach neither up nor down."""
_MANY_SMALL = 0.4  # share of the letters of a line from which on the small ones tell its size
_SHARES = {"small": 0.5, "capital": 0.7, "wide": 0.85}
"""The height of letters, as shares of the size of a font."""
_FIRST_WIDE = "\u2e80"
_ENOUGH = 60  # characters of a line that are looked at
_THICK, _BOLD_THICK = 0.13, 0.18
"""The stroke of an ordinary and of a bold font, as shares of its size."""
_BOLD = re.compile(r"bold|black|heavy|semibold|demi|medi\b|(?:^|\+)(?:cm|sf|ec|lm)\w*bx|-b\b", re.IGNORECASE)
"""In names of bold fonts. Those of TeX have bx ("bold extended")."""
_BOLD_WEIGHT = 600
_FORCE_BOLD = 1 << 18
_LONGEST_NAME = 200


class LetterSize(NamedTuple):
    """As TextLine has them."""

    height: float
    """In units of the page."""
    stroke: float
    """As a share of the height."""


def letter_size(text: pypdfium2.PdfTextPage, indexes: Sequence[int], *, runs_down: bool) -> LetterSize | None:
    """Return the size of the letters of a line; None where it has none."""
    letters = [(index, chr(raw.FPDFText_GetUnicode(text, index))) for index in indexes[:_ENOUGH]]
    letters = [(index, letter) for index, letter in letters if letter.isalnum()]
    if not letters:
        return None
    wide = [index for index, letter in letters if letter >= _FIRST_WIDE]
    small = [index for index, letter in letters if letter.islower()]
    if 2 * len(wide) > len(letters):
        kind, measured = "wide", wide
    elif len(small) >= _MANY_SMALL * len(letters):
        kind, measured = "small", [index for index, letter in letters if letter in _SMALL] or small
    else:
        kind, measured = "capital", [index for index, letter in letters if not letter.islower()]
    heights = [height for index in measured if (height := _height(text, index, runs_down=runs_down))]
    if not heights:
        return None
    places = {0, len(letters) // 2, len(letters) - 1}
    is_bold = all(_is_bold(text, letters[place][0]) for place in places)
    return LetterSize(median(heights), (_BOLD_THICK if is_bold else _THICK) / _SHARES[kind])


def _height(text: pypdfium2.PdfTextPage, index: int, *, runs_down: bool) -> float:
    """Return how high a character is, across its line; 0 where nobody knows."""
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    if not raw.FPDFText_GetCharBox(text, index, left, right, bottom, top):
        return 0.0
    return abs(right.value - left.value) if runs_down else abs(top.value - bottom.value)


def _is_bold(text: pypdfium2.PdfTextPage, index: int) -> bool:
    """Tell whether the font of a character is bold: by its name, its flags or its weight."""
    drawn = raw.FPDFText_GetTextObject(text, index)
    font = raw.FPDFTextObj_GetFont(drawn) if drawn else None
    if not font:
        return False
    name = ctypes.create_string_buffer(_LONGEST_NAME)
    raw.FPDFFont_GetBaseFontName(font, name, _LONGEST_NAME)
    flags = raw.FPDFFont_GetFlags(font)
    if _BOLD.search(UTF_8.decode(name.value, "replace")[0]) or (flags > 0 and flags & _FORCE_BOLD):
        return True
    return bool(raw.FPDFFont_GetWeight(font) >= _BOLD_WEIGHT)
