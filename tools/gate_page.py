"""Draws the page that a new engine and its reference both read: daemon/ocrspool/data/gate-page.png.

    python -m tools.gate_page OUT.png

The page is kept as a file, since another Pillow would draw other pixels. Fonts: DejaVu, and Droid Sans Fallback for
Chinese (Debian: fonts-dejavu-core, fonts-droid-fallback; Bitstream Vera and Apache-2.0 licenses). What is written
stands in ocrspool.engine.test_pages. Five greys keep the file small.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ocrspool.engine.test_pages import GATE

FOLDERS = tuple(Path(folder) for folder in ("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/truetype/droid"))
SIZE = (760, 416)
INK, DARK, LIGHT = 0, 60, 255

PLACES = (
    # left, top, size, font; in the order of GATE.lines
    (24, 16, 40, "DejaVuSans-Bold"),
    (24, 76, 14, "DejaVuSerif"),
    (24, 112, 28, "DroidSansFallbackFull"),
    (24, 164, 18, "DejaVuSansMono"),
    (560, 164, 18, "DejaVuSansMono"),
    (24, 200, 18, "DejaVuSansMono"),
    (560, 200, 18, "DejaVuSansMono"),
    (24, 250, 24, "DejaVuSans"),
    (24, 306, 16, "DejaVuSans"),
    (24, 340, 24, "DejaVuSans"),
)
WHITE_ON_DARK = 7
TILTED = 9
DEGREES = 3.0


def draw(fonts: tuple[Path, ...] = FOLDERS) -> Image.Image:
    """Return the page, in 16 greys of which five are used."""
    page = Image.new("L", SIZE, LIGHT)
    for number, (text, (left, top, size, name)) in enumerate(zip(GATE.lines, PLACES, strict=True)):
        strip = Image.new("L", (SIZE[0] - left, round(size * 1.6)), DARK if number == WHITE_ON_DARK else LIGHT)
        ink = LIGHT if number == WHITE_ON_DARK else INK
        ImageDraw.Draw(strip).text((2, 2), text, fill=ink, font=_font(name, size, fonts))
        if number == TILTED:
            strip = strip.rotate(DEGREES, Image.Resampling.BICUBIC, expand=True, fillcolor=LIGHT)
        elif left > 24 or number == WHITE_ON_DARK:
            strip = strip.crop((0, 0, strip.width - 24, strip.height))
        page.paste(strip, (left, top))
    return page.quantize(5, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def _font(name: str, size: int, fonts: tuple[Path, ...]) -> ImageFont.FreeTypeFont:
    (file,) = (folder / f"{name}.ttf" for folder in fonts if (folder / f"{name}.ttf").is_file())
    return ImageFont.truetype(file, size)


if __name__ == "__main__":
    draw(tuple(map(Path, sys.argv[2:])) or FOLDERS).save(sys.argv[1], optimize=True, bits=4)
