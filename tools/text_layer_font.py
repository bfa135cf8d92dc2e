"""Makes daemon/ocrspool/data/text-layer.ttf anew, the font of the text layer of PDFs: python -m tools.text_layer_font.

It is made of the widths in ocrspool/render/pdf/font.py. A test compares the file with what is made here.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "daemon"))

from ocrspool.render.pdf.font import ASCENT, DESCENT, GLYPHS, UNITS

ASSET = Path(__file__).parents[1] / "daemon/ocrspool/data/text-layer.ttf"


def font_file() -> bytes:
    """Return a TrueType font with a glyph for each width; readers ask for one that want every font embedded.

    A glyph is a stroke from corner to corner without any area: nothing to draw, but it takes room. PDFium measures
    letters by it, and passes over text that is nowhere.
    """
    glyphs = [b"", *(_glyph(width) for width in GLYPHS[1:])]
    offsets = [len(glyphs[1]) * max(0, at - 1) for at in range(len(glyphs) + 1)]
    tables = {
        b"glyf": b"".join(glyphs),
        b"head": _head(),
        b"hhea": struct.pack(
            ">Ihhh H 11h H", 0x10000, ASCENT, DESCENT, 0, max(GLYPHS), 0, 0, max(GLYPHS), 1, *([0] * 7), len(glyphs)
        ),
        b"hmtx": b"".join(struct.pack(">Hh", width, 0) for width in GLYPHS),
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


if __name__ == "__main__":
    ASSET.write_bytes(font_file())
