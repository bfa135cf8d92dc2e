"""A font of invisible letters for the text layer of a PDF: any character, with almost no shapes.

Programs that search, copy or extract text get the characters from the font's ToUnicode map, and their places from its
widths. The widths are rough (a few classes, as in a common sans-serif), so that a word in the middle of a line is found
about where it is. A line as a whole is fitted to its polygon exactly.
"""

from __future__ import annotations

import codecs
import pkgutil
import struct
import unicodedata
from collections.abc import Iterator

UNITS = 1000
"""Widths are told in this part of the font size."""
ASCENT, DESCENT = 780, -220
"""How far letters reach above and below the line that they stand on."""
MOST_CODES = 0xFFFF

_UTF_16 = codecs.lookup("utf-16-be")
"""Looked up now: Python loads it from a file, and a confined process opens none."""

_WIDE, _COMMON = 1000, 560
_NARROW = {
    280: " '.,:;!|ijlI",
    340: "()[]{}/\\-ftr`",
    500: '*ckszvxyJ"',
    720: "ABCDEGHKNOPQRSUVXYw",
    860: "mMW%@",
}
_CLASSES = {letter: width for width, letters in _NARROW.items() for letter in letters}
GLYPHS = (0, *sorted({_WIDE, _COMMON, *_NARROW}))
"""The widths of the font's glyphs; the first is the one that stands for none."""

FONT = pkgutil.get_data("ocrspool", "data/text-layer.ttf") or b""
"""A TrueType font with a glyph for each width (tools/text_layer_font.py). Some readers want every font embedded."""


def width(letter: str) -> int:
    """Return how much room a character takes, in UNITS to the em."""
    if unicodedata.east_asian_width(letter) in {"W", "F"}:
        return _WIDE
    return _CLASSES.get(letter, _COMMON)


class Codes:
    """The characters of one PDF, each with the code that stands for it in its text layer: from 1, as they come."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def encode(self, text: str) -> bytes:
        """Return the text in two bytes a character. Raise ValueError beyond the 65,535th different one."""
        return b"".join(struct.pack(">H", self._code(letter)) for letter in text)

    def widths(self) -> list[int]:
        """Return the width of each code, from code 1."""
        return [width(letter) for letter in self._codes]

    def glyphs(self) -> bytes:
        """Return the CIDToGIDMap: every code has the glyph of its width."""
        return b"".join(struct.pack(">H", GLYPHS.index(each)) for each in (0, *self.widths()))

    def to_unicode(self) -> bytes:
        """Return the CMap that leads from codes back to characters (ISO 32000-1, 9.10.3)."""
        return "\n".join(self._cmap()).encode("ascii")

    def _code(self, letter: str) -> int:
        code = self._codes.setdefault(letter, len(self._codes) + 1)
        if code > MOST_CODES:
            raise ValueError("more different characters than a font can have")
        return code

    def _cmap(self) -> Iterator[str]:
        yield "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap"
        yield "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def"
        yield "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def"
        yield "1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange"
        pairs = [f"<{code:04X}> <{_utf16(letter)}>" for letter, code in self._codes.items()]
        for first in range(0, len(pairs), 100):  # as many as one block may hold
            block = pairs[first : first + 100]
            yield f"{len(block)} beginbfchar"
            yield from block
            yield "endbfchar"
        yield "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend"


def _utf16(letter: str) -> str:
    return _UTF_16.encode(letter, "replace")[0].hex().upper()
