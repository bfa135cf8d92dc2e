"""Sound files of kinds that are seldom met, and broken ones that look sound: what no library writes by itself."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from support import sample_files, sample_tiffs
from support.sample_tiffs import Layout

_ARITHMETIC = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMU"
    "FRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU"
    "FBQUFBQUFBT/yQARCAAQABgDAREAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwD/AMglTdWWDxUh0R0RxABXDREBkEcv"
    "QVAOzjF3vWpZzop2HQ+qqgGeHtqrov45TUwdzxKSRBEe7mwYs1zy+P/Z"
)
"""24 x 16 pixels, red on the left and green on the right, by jpegtran: nothing that is installed writes such files."""
_TWELVE_BITS = base64.b64decode(
    "/9j/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4zNDL/wQAL"
    "DAAgACABAREA/8QAFQABAQAAAAAAAAAAAAAAAAAACwz/xAAZEAACAwEAAAAAAAAAAAAAAAAACUWDwUb/2gAIAQEAAD8AHNTdAV4I"
    "QpugK8EIE3QFeCEKbufrwjnU3QFeCEKboCvBCBN0BXghCm7n68I51N0BXghCm6ArwQgTdAV4IQpu5+vCOdTdAV4IQpugK8EIE3QF"
    "eCEKbufrw//Z"
)
"""32 x 32 pixels, black on the left to white on the right, by libtiff's codec."""


def arithmetic_jpeg() -> bytes:
    """24 x 16 pixels, red on the left and green on the right, in arithmetic coding."""
    return _ARITHMETIC


def twelve_bit_jpeg() -> bytes:
    """32 x 32 pixels of 12 bits, from black on the left to white on the right."""
    return _TWELVE_BITS


def lossless_jpeg(bits: int) -> bytes:
    """An image whose header says that it is lossless, with samples of so many bits."""
    made = bytearray(sample_files.jpeg())
    place = made.index(b"\xff\xc0")
    made[place + 1], made[place + 4] = 0xC3, bits
    return bytes(made)


def jpeg_without_end(image: Image.Image | None = None, **options: object) -> bytes:
    """All pixels, and no mark of the end after them."""
    made = sample_files.encoded(image or sample_files.corners(), "JPEG", quality=90, **options)
    assert made.endswith(b"\xff\xd9")
    return made[:-2]


def jpeg_with(marker: int, body: bytes) -> bytes:
    """A segment of this kind comes before all others, instead of the usual one."""
    made = sample_files.jpeg()
    assert made[2:4] == b"\xff\xe0"
    rest = made[4 + struct.unpack_from(">H", made, 4)[0] :]
    return b"\xff\xd8\xff" + bytes([marker]) + struct.pack(">H", 2 + len(body)) + body + rest


def png_with(name: bytes, body: bytes, *, sound: bool = True, after: bytes = b"IHDR") -> bytes:
    """A chunk of this name behind the one named `after`; `sound` tells whether its checksum is right."""
    made = sample_files.png()
    place = made.index(after)
    end = place + 8 + struct.unpack_from(">I", made, place - 4)[0]
    checksum = zlib.crc32(name + body) ^ (not sound)
    return made[:end] + struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum) + made[end:]


def bmp(bits: int, compression: int, masks: tuple[int, ...], pixels: bytes, *, header: int = 40) -> bytes:
    """A BMP image of 13 x 9 pixels with a header of so many bytes, its first row the upper one."""
    fields = struct.pack("<IiiHHIIiiII", header, 13, -9, 1, bits, compression, len(pixels), 7874, 7874, 0, 0)
    packed = struct.pack(f"<{len(masks)}I", *masks)
    body = (fields + packed).ljust(max(header, len(fields) + len(packed)), b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + len(body) + len(pixels), 0, 0, 14 + len(body)) + body + pixels


def fax(group: int, lines: int = 200, strip: int | None = None) -> tuple[bytes, int, int]:
    """A page of words as a fax in a TIFF file; and where its data begin and end."""
    page = sample_files.words("Lines of a fax", (400, lines)).convert("1")
    for top in range(0, lines, 8):
        page.paste(0, (top, top, top + 60, top + 3))  # no line of it is empty for long
    made = sample_files.encoded(
        page, "TIFF", compression={3: "group3", 4: "group4"}[group], tiffinfo={278: strip or lines}
    )
    with Image.open(io.BytesIO(made)) as image:
        assert isinstance(image, ImageFile.ImageFile)
        tags = image.getexif()
        start, size = tags[273], tags[279]
    if isinstance(start, tuple):
        return made, start[0], start[-1] + size[-1]
    return made, start, start + size


def _picture(bits: int, count: int, *, floats: bool) -> NDArray[Any]:
    """Red, green and blue quarters as samples of so many bits; grey where one sample makes a pixel."""
    color = np.asarray(sample_files.corners().convert("RGB" if count == 3 else "L"), np.int64).reshape(60, 120, count)
    return color / 255 if floats else color * ((1 << bits) - 1) // 255


def _tiff(bits: int = 8, count: int = 3, **layout: Any) -> bytes:  # noqa: ANN401 - fields of the layout
    photometric = layout.pop("photometric", 2 if count == 3 else 1)
    return sample_tiffs.tiff(
        _picture(bits, count, floats=layout.get("kind") == 3), Layout(bits=bits, photometric=photometric, **layout)
    )


def _tiff_of_pictures(compression: int, kind: str, **options: object) -> bytes:
    piece = sample_files.encoded(sample_files.corners(), kind, **options)
    return sample_tiffs.file_of(120, 60, 3, [piece], Layout(compression=compression))


def _tiff_by_pillow(compression: str) -> bytes:
    return sample_files.tiff(sample_files.corners(), compression=compression)


def _broken_fax() -> bytes:
    made, start, end = fax(3)
    middle = (start + end) // 2
    return made[:middle] + b"\xff\xff" + made[middle + 2 :]


KINDS: dict[str, Callable[[], bytes]] = {
    "arithmetic JPEG": arithmetic_jpeg,
    "JPEG of 12 bits": twelve_bit_jpeg,
    "JPEG without its end": jpeg_without_end,
    "JPEG with an empty segment": lambda: jpeg_with(0xE0, b"JFIF\0"),
    "PNG with endless remarks": lambda: png_with(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2 << 20))),
    "PNG with a wrong checksum": lambda: png_with(b"pHYs", bytes(9), sound=False),
    "BMP with bit fields": lambda: bmp(16, 3, (0xF00, 0xF0, 0xF), bytes(28 * 9)),
    "BMP around a PNG": lambda: bmp(0, 5, (), sample_files.png()),
    "BMP around a JPEG": lambda: bmp(0, 4, (), sample_files.jpeg()),
    "TIFF with 12-bit grey": lambda: _tiff(12, 1),
    "TIFF with 12-bit color": lambda: _tiff(12),
    "TIFF with 16-bit planes": lambda: _tiff(16, separate=True),
    "TIFF with 32-bit color": lambda: _tiff(32),
    "TIFF with half floats": lambda: _tiff(16, 1, kind=3),
    "TIFF with double floats": lambda: _tiff(64, 1, kind=3),
    "TIFF with Lab": lambda: _tiff(photometric=8),
    "TIFF with YCbCr in planes": lambda: _tiff(photometric=6, separate=True, tags={530: (3, [1, 1])}),
    "TIFF with subsampled JPEG": lambda: sample_files.tiff(sample_files.corners().convert("YCbCr"), compression="jpeg"),
    "TIFF in tiles": lambda: _tiff(tile=16),
    "big TIFF of Motorola's order": lambda: _tiff(big=True, order=">"),
    "TIFF of WebP": lambda: _tiff_of_pictures(50001, "WEBP", lossless=True),
    "TIFF of JPEG 2000": lambda: _tiff_of_pictures(34712, "JPEG2000", no_jp2=True),
    "TIFF with LZMA": lambda: _tiff_by_pillow("lzma"),
    "TIFF with Zstandard": lambda: _tiff_by_pillow("zstd"),
    "TIFF with PackBits": lambda: _tiff_by_pillow("packbits"),
    "TIFF with Deflate": lambda: _tiff_by_pillow("tiff_adobe_deflate"),
    "fax of group 3": lambda: fax(3)[0],
    "fax of group 4": lambda: fax(4)[0],
    "fax with a damaged line": _broken_fax,
}
"""Files of every rare kind that is read, by name."""
