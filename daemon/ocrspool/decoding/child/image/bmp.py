"""BMP images with layouts that Pillow does not know: bit fields of any place and width, and whole JPEG files."""

from __future__ import annotations

import io
import struct
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from PIL import Image, JpegImagePlugin, PngImagePlugin

from ocrspool.decoding.child import samples
from ocrspool.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

_RAW, _FIELDS, _JPEG, _PNG, _ALPHA_FIELDS = 0, 3, 4, 5, 6
"""Compressions."""
_INFO_HEADER, _WITH_ALPHA = 40, 56
"""Bytes of a header that states a compression, and of one that holds a mask for transparency."""
_MASKS_AT = 54
_USUAL = {16: (0x7C00, 0x3E0, 0x1F, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0)}
"""Masks of red, green, blue and transparency where a file states none."""
_PLAIN, _KNOWN = frozenset({0, 1, 2}), frozenset({1, 4, 8, 24})
"""Compressions and bits of a pixel of which Pillow knows every layout."""
_PER_INCH = 0.0254
_ADVICE = "Save it as PNG, or as a BMP image of 24 bits without compression."


class _Header(NamedTuple):
    start: int
    """Where the pixels begin."""
    size: int
    """Bytes of the header itself."""
    width: int
    height: int
    """Negative where the first row is the upper one."""
    bits: int
    compression: int
    dpi: tuple[float, float]


def read_again(file: IO[bytes]) -> Image.Image:
    """Return an image that Pillow has refused.

    Raise DocumentError where its kind is not read, NotImplementedError where this module knows no more than Pillow, and
    whatever Pillow raises of an image inside.
    """
    file.seek(0)
    data = file.read()
    header = _header(data)
    if header.compression == _PNG:
        return PngImagePlugin.PngImageFile(io.BytesIO(data[header.start :]))
    if header.compression == _JPEG:
        return JpegImagePlugin.JpegImageFile(io.BytesIO(data[header.start :]))
    if header.size < _INFO_HEADER or (header.compression in _PLAIN and header.bits in _KNOWN):
        raise NotImplementedError("Pillow knows all of these: what it says counts")
    if header.compression not in {_RAW, _FIELDS, _ALPHA_FIELDS} or header.bits not in _USUAL:
        said = f"its compression has the number {header.compression}, with {header.bits} bits a pixel"
        raise DocumentError("unsupported", f"This BMP image cannot be read: {said}.", _ADVICE)
    return _Fields(data, header)


class _Fields(Image.Image):
    """An image of bit fields, whose pixels are decoded by `load`."""

    def __init__(self, data: bytes, header: _Header) -> None:
        super().__init__()
        self._data, self._header = data, header
        self._masks = _masks(data, header)
        self._size = (header.width, abs(header.height))
        self._mode = "RGBA" if self._masks[3] else "RGB"
        self._decoded = False
        if any(header.dpi):
            self.info["dpi"] = header.dpi

    def load(self) -> Any:  # noqa: ANN401 - as Pillow declares it
        """Decode the pixels. Raise EOFError where some are missing."""
        if not self._decoded:
            self.im, self._decoded = _pixels(self._data, self._header, self._masks, self.mode).im, True
        return super().load()


def _header(data: bytes) -> _Header:
    start, size, width, height, _, bits, compression = struct.unpack_from("<10xIIiiHHI", data)
    across, down = struct.unpack_from("<ii", data, 38)
    if width <= 0 or height == 0:
        raise EOFError("no pixels")
    return _Header(start, size, width, height, bits, compression, (across * _PER_INCH, down * _PER_INCH))


def _masks(data: bytes, header: _Header) -> Sequence[int]:
    if header.compression == _RAW:
        return _USUAL[header.bits]
    with_alpha = header.size >= _WITH_ALPHA or header.compression == _ALPHA_FIELDS
    masks = struct.unpack_from("<4I" if with_alpha else "<3I", data, _MASKS_AT)
    if any(mask & (mask >> _lowest(mask)) + 1 << _lowest(mask) for mask in masks if mask):
        raise DocumentError("unsupported", "This BMP image cannot be read: its colors are scattered bits.", _ADVICE)
    return masks if with_alpha else (*masks, 0)


def _pixels(data: bytes, header: _Header, masks: Sequence[int], mode: str) -> Image.Image:
    wide, rows = header.bits // 8, abs(header.height)
    row_bytes = -(-header.width * wide // 4) * 4
    if len(data) < header.start + row_bytes * rows:
        raise EOFError("image file is truncated")
    lines = range(header.start, header.start + row_bytes * rows, row_bytes)
    packed = b"".join(data[line : line + header.width * wide] for line in (lines if header.height < 0 else lines[::-1]))
    size = (header.width, rows)
    bands = []
    for mask in masks[: len(mode)]:
        if mask:
            level = samples.field(packed, wide, _lowest(mask), mask.bit_length() - _lowest(mask))
            bands.append(Image.frombytes("L", size, level))
        else:
            bands.append(Image.new("L", size))
    return Image.merge(mode, bands)


def _lowest(mask: int) -> int:
    """Return the place of the lowest bit that is set; 0 where none is."""
    return max(0, (mask & -mask).bit_length() - 1)
