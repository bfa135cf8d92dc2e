"""Tell whether a file ends before its own format says, as a file does that is still being written.

Only files that were written to a moment ago are examined, and the answer only makes them wait. So a file counts as
whole if its format does not say where it ends, or if the answer would cost much. Only structure is read. Formats: PDF
32000-1 (7.5.5), JPEG (ITU-T T.81, B.1.1), PNG (5.3), TIFF 6.0 and BigTIFF, GIF89a (27), RIFF, BMP (BITMAPFILEHEADER).
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, NamedTuple

from ocrspool.decoding.child.media_type import HEAD_BYTES, NAMES, media_type
from ocrspool.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable

_LEAST_BYTES = 16
"""What tells one format from another takes up to so many."""
_TAIL_BYTES = 4096
"""Where an end mark is looked for. PDF readers look at the last 1024 bytes; some files have more behind the mark."""
_MOST_PARTS = 20_000
"""Chunks, segments or images; a file with more counts as whole."""
_MOST_STRIPS = 1 << 20
_PIECE = 1 << 20

_MARK, _EOI, _SOS = 0xFF, 0xD9, 0xDA
_STRIP_OFFSETS, _STRIP_COUNTS, _TILE_OFFSETS, _TILE_COUNTS = 273, 279, 324, 325
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of a value of each TIFF type."""
_INTEGERS = {3: "H", 4: "I", 16: "Q"}


class _ShortError(Exception):
    """The file ends before this."""


def refuse_unfinished(descriptor: int) -> None:
    """Raise DocumentError of kind "incomplete" for an open file that ends too early; `media_type` raises likewise."""
    head = os.pread(descriptor, HEAD_BYTES, 0)
    if head and not head.strip(b"\0"):
        raise DocumentError("incomplete", "The file begins with zero bytes: its content has still to be written.")
    if 0 < len(head) < _LEAST_BYTES:
        raise DocumentError("incomplete", f"The file has {len(head)} bytes only, less than any document.")
    kind = media_type(head)
    try:
        whole = _CHECKS.get(kind, _always)(_File(descriptor))
    except _ShortError:
        whole = False
    if not whole:
        raise DocumentError("incomplete", f"The {NAMES[kind]} ends too early.")


class _File:
    """An open file, read at positions."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    def at(self, position: int, count: int) -> bytes:
        """Return so many bytes. Raise _ShortError where there are fewer."""
        if position + count > self.size or position < 0:
            raise _ShortError
        found = os.pread(self._descriptor, count, position)
        if len(found) < count:
            raise _ShortError
        return found

    def has(self, wanted: bytes, position: int) -> bool:
        """Tell whether these bytes are anywhere after a position."""
        before = b""
        while piece := os.pread(self._descriptor, _PIECE, position):
            if wanted in before + piece:
                return True
            before = piece[1 - len(wanted) :]
            position += len(piece)
        return False


def _always(file: _File) -> bool:  # noqa: ARG001 - as the others
    return True


def _pdf(file: _File) -> bool:
    count = min(file.size, _TAIL_BYTES)
    return b"%%EOF" in file.at(file.size - count, count)


def _png(file: _File) -> bool:
    position = 8
    for _ in range(_MOST_PARTS):
        length, name = struct.unpack(">I4s", file.at(position, 8))
        position += 12 + length
        file.at(position - 1, 1)
        if name == b"IEND":
            return True
    return True


def _jpeg(file: _File) -> bool:
    """Look for the end after the first scan, in whose data the end mark cannot be by chance (T.81, F.1.2.3)."""
    position = 2
    for _ in range(_MOST_PARTS):
        mark, code = file.at(position, 2)
        if mark != _MARK:
            return True  # no JPEG as it should be: a decoder has to say what it is
        if code == _MARK:  # fill bytes
            position += 1
            continue
        if code == _EOI:
            return True
        if code == _SOS:
            return file.has(bytes((_MARK, _EOI)), position)
        (length,) = struct.unpack(">H", file.at(position + 2, 2))
        position += 2 + length
    return True


def _gif(file: _File) -> bool:
    count = min(file.size, _TAIL_BYTES)
    return file.at(file.size - count, count).rstrip(b"\0").endswith(b";")


def _riff(file: _File) -> bool:
    (length,) = struct.unpack("<I", file.at(4, 4))
    return bool(8 + length <= file.size)


def _bmp(file: _File) -> bool:
    (length,) = struct.unpack("<I", file.at(2, 4))
    return bool(length <= file.size)


class _Layout(NamedTuple):
    """How numbers stand in a TIFF or a BigTIFF file."""

    order: str
    width: int
    """Bytes of an offset, and of the value of an entry."""
    offset: str
    entries: str
    """Of the number of entries of a directory."""

    def number(self, kind: str, data: bytes) -> int:
        """Return one number of this kind."""
        (found,) = struct.unpack(self.order + kind, data)
        return int(found)


def _tiff(file: _File) -> bool:
    """Follow the images: each directory, and all pixels that it names, have to be there."""
    head = file.at(0, 4)
    order = "<" if head.startswith(b"II") else ">"
    big = b"+" in head
    layout = _Layout(order, 8, "Q", "Q") if big else _Layout(order, 4, "I", "H")
    position = layout.number(layout.offset, file.at(layout.width, layout.width))
    if position == 0:
        return False  # the header is written first, and told of an image when that is there
    seen: set[int] = set()
    while position and position not in seen and len(seen) < _MOST_PARTS:
        seen.add(position)
        size = struct.calcsize(f"={layout.entries}")
        begin, each = position + size, 4 + 2 * layout.width
        count = layout.number(layout.entries, file.at(position, size))
        entries = file.at(begin, count * each)
        _pixels(file, layout, [entries[at : at + each] for at in range(0, len(entries), each)])
        position = layout.number(layout.offset, file.at(begin + count * each, layout.width))
    return True


def _pixels(file: _File, layout: _Layout, entries: list[bytes]) -> None:
    """Raise _ShortError where values or pixels of a TIFF directory are beyond the end of the file."""
    values: dict[int, tuple[int, ...]] = {}
    for entry in entries:
        tag, kind = layout.number("H", entry[:2]), layout.number("H", entry[2:4])
        count = layout.number(layout.offset, entry[4 : 4 + layout.width])
        data = entry[4 + layout.width :]
        size = _SIZES.get(kind, 1) * count
        wanted = tag in _OF_PIXELS and kind in _INTEGERS and count <= _MOST_STRIPS
        if size > layout.width:
            at = layout.number(layout.offset, data)
            file.at(at + size - 1, 1)
            data = file.at(at, size) if wanted else b""
        if wanted:
            values[tag] = struct.unpack(f"{layout.order}{count}{_INTEGERS[kind]}", data[:size])
    for offsets, counts in ((_STRIP_OFFSETS, _STRIP_COUNTS), (_TILE_OFFSETS, _TILE_COUNTS)):
        for at, size in zip(values.get(offsets, ()), values.get(counts, ()), strict=False):
            if at + size > file.size:
                raise _ShortError


_OF_PIXELS = {_STRIP_OFFSETS, _STRIP_COUNTS, _TILE_OFFSETS, _TILE_COUNTS}
_CHECKS: dict[str, Callable[[_File], bool]] = {
    "application/pdf": _pdf,
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/gif": _gif,
    "image/webp": _riff,
    "image/bmp": _bmp,
    "image/tiff": _tiff,
}
