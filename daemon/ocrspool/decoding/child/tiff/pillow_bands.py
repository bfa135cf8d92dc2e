"""Samples of a TIFF image, as libtiff returns them, to bands of Pillow's, and bands to an image."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from ocrspool.decoding.child import pixels, samples
from ocrspool.decoding.child.tiff import image_layout, libtiff

if TYPE_CHECKING:
    from ocrspool.decoding.child.tiff.image_layout import Layout
    from ocrspool.decoding.child.tiff.libtiff import Tiff

_BYTE = 8
_AT_ONCE = {(1, 1): ("1", "1"), (2, 1): ("L", "L;2"), (4, 1): ("L", "L;4"), (8, 1): ("L", "L"), (8, 3): ("RGB", "RGB")}
"""Mode and raw mode of what Pillow unpacks by itself, by bits and samples."""
_MODES = {3: "RGB", 4: "CMYK"}


class Rows(NamedTuple):
    """How the rows of a strip or tile lie in memory."""

    width: int
    """Pixels."""
    row_bytes: int


def images(planes: list[memoryview], layout: Layout, form: Rows) -> list[Image.Image]:
    """Return a piece as one image, or as one for each band where the levels are deep."""
    size = (form.width, len(planes[0]) // form.row_bytes)
    whole = None if layout.separate else _at_once(planes[0], layout, size, form.row_bytes)
    if whole is not None:
        return [whole]
    each, places = (1, [0] * len(planes)) if layout.separate else (layout.samples, layout.wanted)
    sources = planes if layout.separate else planes * len(places)
    if layout.deep:
        found = [_deep(data, layout)[place::each] for data, place in zip(sources, places, strict=True)]
        return [Image.frombytes("F", size, levels.tobytes(), "raw", _raw(layout)) for levels in found]
    scaled = layout.photometric != image_layout.PALETTE
    unpacked = [
        samples.top_bytes(data, layout.bits, form.width * each, form.row_bytes, scaled=scaled) for data in planes
    ]
    unpacked = unpacked if layout.separate else unpacked * len(places)
    return [Image.frombytes("L", size, data[place::each]) for data, place in zip(unpacked, places, strict=True)]


def _at_once(data: memoryview, layout: Layout, size: tuple[int, int], row_bytes: int) -> Image.Image | None:
    """Return the image of a common layout, which Pillow unpacks by itself; None of every other."""
    mode, raw = _AT_ONCE.get((layout.bits, layout.samples), ("", ""))
    whole = layout.samples == layout.bands and (layout.bits == _BYTE or layout.photometric != image_layout.PALETTE)
    return Image.frombytes(mode, size, data, "raw", raw, row_bytes, 1) if mode and whole else None


def _deep(data: memoryview, layout: Layout) -> array[float] | memoryview:
    """Return levels as numbers."""
    if layout.kind == image_layout.FLOAT:
        return samples.floats(data, layout.bits)
    return data.cast("H" if layout.bits == 2 * _BYTE else "I")


def _raw(layout: Layout) -> str:
    """Return Pillow's word for the numbers that `_deep` returns."""
    if layout.kind == image_layout.FLOAT:
        return "F;32NF"
    return f"F;{layout.bits}N" + "S" * (layout.kind == image_layout.SIGNED)


def joined(bands: list[Image.Image], layout: Layout, tiff: Tiff) -> Image.Image:
    """Return the bands as one image that is L or RGB, or LA or RGBA."""
    if layout.deep:
        bands = pixels.narrow(bands, integers=layout.kind != image_layout.FLOAT)
    first, *rest = bands
    alpha = bands[-1] if rest and layout.alpha is not None else None
    if layout.photometric == image_layout.PALETTE:
        return _with_alpha(_painted(first, layout, tiff), alpha, layout)
    if len(bands) >= layout.bands > 1:
        first = Image.merge(_MODES[layout.bands], bands[: layout.bands])
    plain = pixels.to_plain(first)
    if layout.photometric == image_layout.WHITE_IS_ZERO:
        plain = pixels.inverted(plain)
    return _with_alpha(plain, alpha, layout)


def _with_alpha(plain: Image.Image, alpha: Image.Image | None, layout: Layout) -> Image.Image:
    if alpha is None:
        return plain
    bands = [*plain.split(), alpha]
    if layout.premultiplied:
        return Image.merge("La" if plain.mode == "L" else "RGBa", bands).convert(plain.mode + "A")
    return Image.merge(plain.mode + "A", bands)


def _painted(indexes: Image.Image, layout: Layout, tiff: Tiff) -> Image.Image:
    """Return palette indexes as grey or color."""
    tables = tiff.color_map(1 << layout.bits)
    if not tables:
        raise libtiff.LibtiffError("Missing color map")
    # Some old writers used 8 bits of the 16.
    shift = 0 if max(map(max, tables)) < 1 << _BYTE else _BYTE
    red, green, blue = (bytes(level >> shift for level in table).ljust(256, b"\0") for table in tables)
    if red == green == blue:
        return indexes.point(list(red))
    return Image.merge("RGB", [indexes.point(list(table)) for table in (red, green, blue)])
