"""Draws the pages in tests/engine/parity/: seeded random text, none of it picked by how it reads.

The pages are kept as files, since other fonts or another Pillow would draw other pixels. Few greys or colors keep
them small, noise included. Fonts are Pillow's own and DejaVu, which has accents, serifs and a condensed cut.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Color = tuple[int, int, int]

_WORDS = (
    "scan page line paper letter archive ledger invoice receipt total subtotal amount balance due paid cash change "
    "customer number order quantity unit price discount delivery address street city country phone account bank tax "
    "the and of for with from into upon under after before between against Monday Friday January September Illinois "
    "minimum illumination running village office affluent skill committee quality journey zephyr jukebox oxygen waltz"
)
_ACCENTED = (
    "café naïve Zürich Straße façade señor año garçon Ångström smørrebrød crème brûlée déjà vu Übergröße jalapeño "
    "Łódź čeština žluťoučký kůň árvíztűrő öt fjörður þriðja Ísland coração português élève où Noël œuvre Mañana"
)
_MARKS = (".", ",", ";", ":", "!", "?", " -", "...", ")", "'s")
_DEJAVU = (
    "DejaVuSans",
    "DejaVuSerif",
    "DejaVuSansCondensed",
    "DejaVuSansMono",
    "DejaVuSans-Bold",
    "DejaVuSerif-Italic",
)
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


def draw_all(folder: Path) -> None:
    """Draw every page into `folder`."""
    pages: dict[str, Callable[[random.Random], Image.Image]] = {
        "sizes": _sizes,
        "receipt": _receipt,
        "columns": _columns,
        "colors": _colors,
        "tilted": _tilted,
        "accents": _accents,
        "scan": _scan,
        "large": _large,
    }
    folder.mkdir(exist_ok=True)
    for seed, (name, draw) in enumerate(pages.items()):
        colors = 16 if name == "colors" else 5
        image = draw(random.Random(seed)).quantize(colors, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        image.save(folder / f"{name}.png", optimize=True, bits=4)


def _sizes(chance: random.Random) -> Image.Image:
    page, draw = _blank(900, 1000)
    top = 20
    while top < 920:
        size = chance.choice((12, 13, 14, 16, 18, 20, 24, 28, 34, 42, 60))
        _write(draw, (30, top), _words(chance, 850 // size), _font(chance, size), 850)
        top += round(size * 1.5) + 4
    return page


def _receipt(chance: random.Random) -> Image.Image:
    page, draw = _blank(480, 1300)
    for row in range(44):
        font = _own(chance.choice((14, 15, 16, 18, 20)))
        item = chance.choice(
            (_words(chance, 2), _date(chance), f"#{chance.randrange(10**7)}", _words(chance, 1).upper())
        )
        _write(draw, (20, 20 + 28 * row), item, font, 280)
        _write(draw, (330 + chance.randrange(30), 20 + 28 * row), _price(chance), font, 140)
    return page


def _columns(chance: random.Random) -> Image.Image:
    page, draw = _blank(1000, 720)
    for left in (30, 350, 670):
        size = chance.choice((14, 16, 18))
        font = _font(chance, size)
        for top in range(30, 680, round(size * 1.7)):
            _write(draw, (left, top), _words(chance, 5), font, 290)
    return page


def _colors(chance: random.Random) -> Image.Image:
    page, draw = _blank(900, 900)
    grounds = [(250, 240, 210), (30, 40, 90), (200, 225, 200), (40, 40, 40), (150, 30, 40)]
    inks = [(120, 20, 30), (240, 240, 250), (10, 60, 20), (250, 220, 80), (255, 240, 240)]
    for row in range(22):
        which = chance.randrange(len(grounds))
        draw.rectangle((15, 10 + 40 * row, 885, 46 + 40 * row), fill=grounds[which])
        font = _font(chance, chance.choice((16, 20, 24)))
        _write(draw, (30, 14 + 40 * row), _words(chance, 4), font, 480, inks[which])
        _write(draw, (600 + chance.randrange(60), 14 + 40 * row), _price(chance), font, 240, inks[which])
    return page


def _tilted(chance: random.Random) -> Image.Image:
    page, _ = _blank(1100, 1000)
    for row in range(10):
        for left in (20, 390, 760):
            strip = Image.new("RGB", (300, 44), _WHITE)
            _write(ImageDraw.Draw(strip), (6, 6), _words(chance, 3), _font(chance, chance.choice((16, 20, 24))), 288)
            turned = strip.rotate(chance.uniform(-9, 9), Image.Resampling.BICUBIC, expand=True, fillcolor=_WHITE)
            page.paste(turned, (left, 10 + 96 * row))
    for top in (20, 350, 680):
        strip = Image.new("RGB", (290, 34), _WHITE)
        _write(ImageDraw.Draw(strip), (4, 4), _words(chance, 2), _own(20), 280)
        page.paste(strip.rotate(chance.choice((90, -90)), expand=True), (1062, top))
    return page


def _accents(chance: random.Random) -> Image.Image:
    page, draw = _blank(900, 840)
    top = 20
    while top < 790:
        size = chance.choice((14, 16, 18, 22, 26, 32))
        words = [chance.choice(_ACCENTED.split()) + chance.choice(("", "", "", *_MARKS)) for _ in range(7)]
        font = ImageFont.truetype(chance.choice(_DEJAVU), size)
        _write(draw, (30, top), " ".join(words), font, 850)
        top += round(size * 1.6)
    return page


def _scan(chance: random.Random) -> Image.Image:
    """Blurred, speckled, a little askew, grey on grey."""
    page, draw = _blank(850, 560)
    for row in range(16):
        font = _font(chance, chance.choice((16, 18, 20, 24)))
        text = chance.choice((_words(chance, 6), _words(chance, 3) + " " + _price(chance), _date(chance)))
        _write(draw, (60, 50 + 30 * row), text, font, 720, (50, 50, 50))
    page = page.rotate(1.2, Image.Resampling.BICUBIC, fillcolor=_WHITE).filter(ImageFilter.GaussianBlur(0.9))
    noise = np.random.default_rng(chance.randrange(1000)).normal(-18, 7, (page.height, page.width, 1))
    noisy = np.asarray(page) + noise
    return Image.fromarray((np.clip(noisy, 0, 255) // 36 * 36).astype(np.uint8))


def _large(chance: random.Random) -> Image.Image:
    """Larger than detection looks at it, as scans are."""
    page, draw = _blank(1300, 1400)
    top = 60
    while top < 1300:
        size = chance.choice((26, 28, 32, 36, 40, 60))
        text = chance.choice((_words(chance, 1100 // size // 4 + 1), f"{_date(chance)}   {_price(chance)}"))
        _write(draw, (100, top), text, _font(chance, size), 1100)
        top += round(size * 1.6)
    return page


def _blank(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    page = Image.new("RGB", (width, height), _WHITE)
    return page, ImageDraw.Draw(page)


def _own(size: int) -> Any:  # noqa: ANN401  # Pillow's two kinds of font share no type
    return ImageFont.load_default(size)


def _font(chance: random.Random, size: int) -> Any:  # noqa: ANN401
    name = chance.choice((None, *_DEJAVU))
    return ImageFont.truetype(name, size) if name else _own(size)


def _write(  # noqa: PLR0913, PLR0917  # what, where, how: a value object would say no more
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    font: Any,  # noqa: ANN401
    room: int,
    color: Color = _BLACK,
) -> None:
    """Write as many words as there is room for, the first one in any case."""
    words = text.split(" ")
    while len(words) > 1 and draw.textlength(" ".join(words), font=font) > room:
        words.pop()
    draw.text(place, " ".join(words), fill=color, font=font)


def _words(chance: random.Random, count: int) -> str:
    words = [chance.choice(_WORDS.split()) for _ in range(max(count, 1))]
    if chance.random() < 0.3:
        words[chance.randrange(len(words))] = str(chance.randrange(10 ** chance.randint(1, 6)))
    words = [word + (chance.choice(_MARKS) if chance.random() < 0.15 else "") for word in words]
    return " ".join(words)


def _price(chance: random.Random) -> str:
    sign = chance.choice(("", "$", "EUR ", "-", "x "))
    return f"{sign}{chance.randrange(2000):,}.{chance.randrange(100):02}{chance.choice(('', '', '%', ' A'))}"


def _date(chance: random.Random) -> str:
    year, month, day = chance.randint(1990, 2029), chance.randint(1, 12), chance.randint(1, 28)
    clock = f" {chance.randrange(24):02}:{chance.randrange(60):02}" if chance.random() < 0.5 else ""
    return (
        chance.choice((f"{year}-{month:02}-{day:02}", f"{day:02}/{month:02}/{year}", f"{day}.{month}.{year}")) + clock
    )
