"""JPEG images that Pillow refuses although their pixels are sound.

In such a file the end mark is missing, or segments that hold no pixels are broken, or samples have 12 bits. libtiff
decodes the last kind, because a strip of a TIFF file may be a whole JPEG stream. Unlike Pillow, libtiff reports where
data are missing. So a stream without an end mark counts as whole only if libtiff says so.
"""

from __future__ import annotations

import io
import os
import re
import struct
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, NamedTuple

from PIL import JpegImagePlugin

from ocrspool.decoding.child.tiff.image import TiffImage
from ocrspool.decoding.child.tiff.libtiff import LibtiffError, Tiff
from ocrspool.errors import DocumentError

if TYPE_CHECKING:
    from PIL import Image

_SOI, _EOI, _SOS, _DHT, _DAC, _JFIF, _EXIF, _ADOBE = 0xD8, 0xD9, 0xDA, 0xC4, 0xCC, 0xE0, 0xE1, 0xEE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, _DAC}
_PROGRESSIVE = frozenset({0xC2, 0xCA})
_ARITHMETIC = frozenset({0xC9, 0xCA})
_ORDINARY = frozenset({0xC0, 0xC1, 0xC2})
_LOSSLESS = frozenset({0xC3, 0xCB})
_HIERARCHICAL = frozenset({0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})
_PIXELS = _FRAMES | {_DHT, _DAC, _SOS, 0xDB, 0xDC, 0xDD}
"""Segments without which there are no pixels: frames, tables, scans, number of lines, restart interval."""
_BESIDE = {_JFIF: (b"JFIF\0", 14), _EXIF: (b"Exif\0\0", 14), _ADOBE: (b"Adobe", 12)}
"""Segments that say something of the pixels: how each begins, and the least bytes of one that is whole."""
_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_COEFFICIENTS = 64
_FRAME_BYTES = 6
_USUAL, _DEEP = 8, 12
"""Bits of samples: what everything decodes, and what libtiff decodes and Pillow does not."""
_ADVICE = "Save it as PNG, or as an ordinary (baseline) JPEG."


class Frame(NamedTuple):
    """The header of the picture."""

    marker: int
    bits: int
    width: int
    height: int
    bands: int


@dataclass(slots=True)
class Stream:
    """The parts of a JPEG file."""

    frame: Frame | None = None
    parts: list[bytes] = field(default_factory=list)
    """Segments and scans that are needed."""
    ended: bool = False
    """The mark of the end is there."""
    refined: set[tuple[int, int]] = field(default_factory=set)
    """What progressive scans have told to the last bit: component and coefficient."""

    def bytes(self) -> bytes:
        """Return the parts as a JPEG file that ends as it should."""
        return b"\xff\xd8" + b"".join(self.parts) + b"\xff\xd9"


def read_again(file: IO[bytes]) -> Image.Image:
    """Return an image that Pillow has refused, from its needed parts.

    Raise DocumentError where its kind is not read, LibtiffError where pixels are missing.
    """
    file.seek(0)
    stream = split(file.read())
    frame = stream.frame
    if frame is None:
        raise LibtiffError("Premature end of JPEG file")
    _check_kind(frame)
    if frame.bits == _DEEP:
        return _by_libtiff(stream, frame)
    if not stream.ended:
        _check_whole(stream, frame)
    return JpegImagePlugin.JpegImageFile(io.BytesIO(stream.bytes()))


def read(file: IO[bytes]) -> Image.Image:
    """Return an image as Pillow reads it."""
    image = JpegImagePlugin.JpegImageFile(file)
    if _frame_marker(file) in _ARITHMETIC:
        # libjpeg cannot wait for more data in the middle of arithmetic coding: it gets the whole file at once.
        image.decodermaxblock = file.seek(0, os.SEEK_END)
    return image


def ordinary(data: bytes) -> bool:
    """Tell whether every program can be expected to read this JPEG file as it is."""
    stream = split(data)
    return (
        stream.ended and stream.frame is not None and stream.frame.marker in _ORDINARY and stream.frame.bits == _USUAL
    )


def _frame_marker(file: IO[bytes]) -> int | None:
    """Return the marker of the picture's header, found from segment to segment; None where they make no sense."""
    file.seek(2)
    while len(head := file.read(4)) == 4 and head[0] == 0xFF:  # noqa: PLR2004 - bytes of a segment's head
        marker = head[1]
        if marker in _FRAMES:
            return marker
        if marker == 0xFF:  # noqa: PLR2004 - fill
            file.seek(-3, os.SEEK_CUR)
        elif marker == _SOS:
            return None
        else:
            file.seek(int.from_bytes(head[2:], "big") - 2, os.SEEK_CUR)
    return None


def split(data: bytes) -> Stream:
    """Return the parts of a JPEG file, as far as it makes sense."""
    stream, place = Stream(), 2
    while place + 4 <= len(data) or data[place : place + 2] == b"\xff\xd9":
        if data[place] != 0xFF:  # noqa: PLR2004 - what every marker begins with
            place += 1
            continue
        marker = data[place + 1]
        if marker == _EOI and stream.frame is not None:
            stream.ended = True
            break
        if marker in {0, 1, 0xFF, _SOI, _EOI} or 0xD0 <= marker < _SOI:  # noqa: PLR2004 - fill, and marks without contents
            place += 1 if marker in {0, 0xFF} else 2
            continue
        end = place + 2 + struct.unpack_from(">H", data, place + 2)[0]
        if end > len(data) and marker not in _PIXELS:  # a length that makes no sense: on to the next marker
            place += 2
            continue
        body = data[place + 4 : end]
        if marker == _SOS:
            found = _AFTER_SCAN.search(data, end)
            end = found.start() if found else len(data)
            _note_scan(stream, body)
        elif marker in _FRAMES and stream.frame is None:
            stream.frame = _frame(marker, body)
        if _needed(marker, body):
            stream.parts.append(data[place:end])
        place = end
    return stream


def _frame(marker: int, body: bytes) -> Frame | None:
    """Return the header of the picture, None where it is none (T.81, B.2.2): three bytes for each band follow."""
    if len(body) < _FRAME_BYTES or len(body) != _FRAME_BYTES + 3 * body[5]:
        return None
    bits, height, width, bands = struct.unpack_from(">BHHB", body)
    return Frame(marker, bits, width, height, bands)


def _needed(marker: int, body: bytes) -> bool:
    start, least = _BESIDE.get(marker, (b"", 0))
    return marker in _PIXELS or (least > 0 and body.startswith(start) and len(body) >= least)


def _note_scan(stream: Stream, header: bytes) -> None:
    count = header[0] if header else 0
    if len(header) < 4 + 2 * count:
        return
    first, last, bits = header[1 + 2 * count : 4 + 2 * count]
    if bits & 15 == 0:
        bands = header[1 : 1 + 2 * count : 2]
        stream.refined |= {(band, place) for band in bands for place in range(first, min(last, _COEFFICIENTS - 1) + 1)}


def _check_kind(frame: Frame) -> None:
    if frame.marker in _LOSSLESS:
        raise _unsupported("it is a lossless JPEG image")
    if frame.marker in _HIERARCHICAL:
        raise _unsupported("it is a hierarchical JPEG image")
    if frame.bits not in {_USUAL, _DEEP}:
        raise _unsupported(f"its samples have {frame.bits} bits")
    if frame.bands not in {1, 3, 4}:
        raise _unsupported(f"it has {frame.bands} samples for each pixel")


def _check_whole(stream: Stream, frame: Frame) -> None:
    """Raise LibtiffError where pixels are missing."""
    early = frame.marker in _PROGRESSIVE and len(stream.refined) < _COEFFICIENTS * frame.bands
    if early or frame.marker in _ARITHMETIC:  # of the latter, what is missing is not noticed
        raise LibtiffError("Premature end of JPEG file")
    _by_libtiff(stream, frame).load()


def _by_libtiff(stream: Stream, frame: Frame) -> TiffImage:
    """Return the image as libtiff decodes it from a TIFF file around it."""
    photometric = {1: 1, 3: 6, 4: 5}[frame.bands]
    tags = [(256, frame.width), (257, frame.height), (258, frame.bits), (259, 7), (262, photometric)]
    data = stream.bytes()
    tags += [(273, 8), (277, frame.bands), (278, frame.height), (279, len(data))]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    tiff = Tiff(io.BytesIO(b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory + bytes(4)))
    return TiffImage(tiff, 8 + len(data))


def _unsupported(what: str) -> DocumentError:
    return DocumentError("unsupported", f"This JPEG image cannot be read: {what}.", _ADVICE)
