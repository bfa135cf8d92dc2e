"""Convert every pixel format of an image to 8-bit grey or color on an opaque background."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PIL import Image

from ocrspool.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

_OPAQUE = 255
_VISIBLE = 128
"""Alpha from which a pixel counts as seen."""
_NEARLY_WHITE = 192
_FEW = 0.01
"""Share of the visible pixels that may be darker in a picture that is nearly white."""
_PLAIN = frozenset({"L", "RGB", "LA", "RGBA"})
_WIDE = ("I", "F")
_EXACT = 1 << 24
"""The highest whole number up to which a float of 32 bits holds each."""


def to_plain(image: Image.Image) -> Image.Image:
    """Return the image in L or RGB, or in LA or RGBA where it has transparency."""
    if image.mode.startswith(_WIDE):
        return narrow([image.convert("F")], integers=image.mode != "F")[0]
    transparent = image.has_transparency_data
    if image.mode in _PLAIN and transparent == image.mode.endswith("A"):
        return image
    return image.convert(_plain_mode(image, transparent=transparent))


def flatten(image: Image.Image) -> Image.Image:
    """Return the image without transparency.

    Paper is white, so that is what lies behind a transparent picture, unless all that can be seen of it is
    nearly white: white text would vanish on white, so black lies behind that.
    """
    if not image.mode.endswith("A"):
        return image
    alpha = image.getchannel("A")
    plain = image.convert(image.mode[:-1])
    least, most = _extrema(alpha)
    # Alpha that is zero everywhere is a byte that the writer left empty, not an invisible picture.
    if least == _OPAQUE or most == 0:
        return plain
    paper = Image.new(plain.mode, plain.size, "black" if _nearly_white(plain, alpha) else "white")
    paper.paste(plain, mask=alpha)
    return paper


def inverted(image: Image.Image) -> Image.Image:
    """Return a grey image with black for white."""
    return image.point([_OPAQUE - level for level in range(256)])


def _plain_mode(image: Image.Image, *, transparent: bool) -> str:
    base = Image.getmodebase(image.mode)
    if image.mode in {"P", "PA"}:
        base = "L" if _grey_palette(image) else "RGB"
    return base + "A" * transparent


def _grey_palette(image: Image.Image) -> bool:
    palette = image.getpalette() or []
    return palette[0::3] == palette[1::3] == palette[2::3]


def _nearly_white(plain: Image.Image, alpha: Image.Image) -> bool:
    seen = alpha.point([_OPAQUE * (level >= _VISIBLE) for level in range(256)])
    histogram = plain.convert("L").histogram(mask=seen)
    return sum(histogram) > 0 and sum(histogram[:_NEARLY_WHITE]) <= _FEW * sum(histogram)


def narrow(bands: Sequence[Image.Image], *, integers: bool) -> list[Image.Image]:
    """Scale bands of deep levels to 8 bits, all alike, where Pillow alone would clip them.

    `integers` tells whether the levels are whole numbers. Raise DocumentError where a level is no number.
    """
    extrema = [_extrema(band) for band in bands]
    black, white = _range(min(least for least, _ in extrema), max(most for _, most in extrema), integers=integers)
    scale = _OPAQUE / (white - black)
    return [band.point(lambda level: level * scale + (0.5 - black * scale)).convert("L") for band in bands]


def _range(least: float, most: float, *, integers: bool) -> tuple[float, float]:
    """Return the levels that mean black and white in an image whose levels lie between these.

    Integers are taken for the fewest whole bits, 8 or more, that hold them: scanners store 10 to 14 bits in
    words of 16. Floats are taken for 0 to 1 or 0 to 255, and for whatever they span where they exceed both.
    """
    if not (math.isfinite(least) and math.isfinite(most)):
        raise DocumentError("damaged", "The image holds pixels that are no numbers.")
    if least >= 0 and integers:
        # A level of 32 bits may have been rounded up to the next power of two.
        exact = int(most) - (most > _EXACT)
        return 0, (1 << max(8, exact.bit_length())) - 1
    if least >= 0 and most <= _OPAQUE:
        return 0, 1 if most <= 1 else _OPAQUE
    return least, max(most, least + 1)


def _extrema(image: Image.Image) -> tuple[float, float]:
    least, most = image.getextrema()
    if isinstance(least, tuple) or isinstance(most, tuple):
        raise TypeError(f"{image.mode} has several channels")
    return least, most
