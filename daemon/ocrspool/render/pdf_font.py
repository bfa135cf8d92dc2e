"""A font of invisible letters for the text layer of a PDF: any character, with almost no shapes.

Programs that search, copy or extract text get the characters from the font's ToUnicode map, and their places from its
widths. The widths are rough (a few classes, as in a common sans-serif), so that a word in the middle of a line is found
about where it is. A line as a whole is fitted to its polygon exactly.
"""

from __future__ import annotations

import codecs
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
_GLYPHS = (0, *sorted({_WIDE, _COMMON, *_NARROW}))
"""The widths of the font's glyphs; the first is the one that stands for none."""


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
        return b"".join(struct.pack(">H", _GLYPHS.index(each)) for each in (0, *self.widths()))

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


def font_file() -> bytes:
    """Return a TrueType font with a glyph for each width; readers ask for one that want every font embedded.

    A glyph is a stroke from corner to corner without any area: nothing to draw, but it takes room. PDFium measures
    letters by it, and passes over text that is nowhere.
    """
    glyphs = [b"", *(_glyph(width) for width in _GLYPHS[1:])]
    offsets = [len(glyphs[1]) * max(0, at - 1) for at in range(len(glyphs) + 1)]
    tables = {
        b"glyf": b"".join(glyphs),
        b"head": _head(),
        b"hhea": struct.pack(
            ">Ihhh H 11h H", 0x10000, ASCENT, DESCENT, 0, _WIDE, 0, 0, _WIDE, 1, *([0] * 7), len(glyphs)
        ),
        b"hmtx": b"".join(struct.pack(">Hh", width, 0) for width in _GLYPHS),
        b"loca": b"".join(struct.pack(">H", offset // 2) for offset in offsets),
        b"maxp": struct.pack(">IH 13H", 0x10000, len(glyphs), 2, 1, 0, 0, 2, *([0] * 8)),
    }
    return _file(tables)


def _glyph(width: int) -> bytes:
    header = struct.pack(">hhhhh", 1, 0, DESCENT, width, ASCENT)
    # One contour of two points, both on the curve, no instructions; coordinates are differences.
    return header + struct.pack(">HH 2B hh hh", 1, 0, 1, 1, 0, width, DESCENT, ASCENT - DESCENT)


def _file(tables: dict[bytes, bytes]) -> bytes:
    """Return the tables in one file, with the checksums that it has to have."""
    offset = 12 + 16 * len(tables)
    directory, body = b"", b""
    for tag, data in sorted(tables.items()):
        directory += struct.pack(">4sIII", tag, _checksum(data), offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    font = struct.pack(">IHHHH", 0x10000, len(tables), 64, 2, 16 * len(tables) - 64) + directory + body
    head = struct.unpack_from(">4sIII", font, font.index(b"head"))[2]
    adjustment = (0xB1B0AFBA - _checksum(font)) % (1 << 32)
    return font[: head + 8] + struct.pack(">I", adjustment) + font[head + 12 :]


def _head() -> bytes:
    """Return the table `head`; its times are those of the epoch, so that the same font is the same bytes."""
    versions = struct.pack(">IIII", 0x10000, 0x10000, 0, 0x5F0F3CF5)
    return versions + struct.pack(">HHqq hhhh HH hhh", 0, UNITS, 0, 0, 0, DESCENT, UNITS, ASCENT, 0, 8, 2, 0, 0)


def _checksum(data: bytes) -> int:
    padded = data + bytes(-len(data) % 4)
    return sum(int.from_bytes(padded[at : at + 4], "big") for at in range(0, len(padded), 4)) % (1 << 32)
