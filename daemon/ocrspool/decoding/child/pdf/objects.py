"""Facts of a PDF that PDFium does not report: names in its objects, and the unit of a page's coordinates.

PDFium ignores UserUnit (ISO 32000-1, 7.7.3.3) and reports nothing about a portfolio. No other library is loaded for
these. The names are searched for in the bytes of the file and in its compressed objects.
"""

from __future__ import annotations

import ctypes
import itertools
import re
import zlib
from collections.abc import Collection
from contextlib import closing
from typing import Protocol

import pypdfium2
from pypdfium2 import raw

_OBJECTS = re.compile(rb"/ObjStm\b")
_STREAM = re.compile(rb"stream\r?\n")
_DICTIONARY = 4096
"""Bytes within which the dictionary of an object stream ends."""
_PIECE = 1 << 16
_MOST_UNPACKED, _MOST_STREAMS = 64 << 20, 20_000
"""Bytes of compressed objects that are looked at, and in how many streams."""
_UNIT = re.compile(rb"/Type/Page/UserUnit ([0-9]*\.?[0-9]+)(?=[/>])")
"""As PDFium writes a page: keys in the order of the alphabet."""


class Bytes(Protocol):
    """A file in memory, or mapped: bytearray or mmap."""

    def find(self, sub: bytes, /) -> int:
        """Return where these bytes begin, or -1."""

    def __getitem__(self, part: slice, /) -> bytes | bytearray:
        """Return a part."""

    def __len__(self) -> int:
        """Return how many bytes there are."""


def mentioned(data: Bytes, names: Collection[bytes]) -> set[bytes]:
    """Return those of these names that stand in the file or in its compressed objects, as far as these are looked at.

    In a file that is encrypted, compressed objects cannot be read here: they are passed over.
    """
    missing = {name for name in names if data.find(name) < 0}
    found = set(names) - missing
    room = _MOST_UNPACKED
    streams = itertools.islice(_OBJECTS.finditer(data), _MOST_STREAMS)  # type: ignore[call-overload] # mmap is a buffer
    for match in streams if missing else ():
        unpacked = _unpacked(data, match.end(), room)
        room -= len(unpacked)
        found |= {name for name in missing if name in unpacked}
        if room <= 0:
            break
    return found


def has_packed_objects(data: Bytes) -> bool:
    """Tell whether the file has compressed objects."""
    return data.find(b"/ObjStm") >= 0


def _unpacked(data: Bytes, start: int, most: int) -> bytes:
    """Return the objects of the stream whose dictionary this is in; nothing where they are packed another way."""
    begin = _STREAM.search(data, start, start + _DICTIONARY)  # type: ignore[call-overload] # mmap is a buffer
    if begin is None:
        return b""
    unpacker, pieces, place, size = zlib.decompressobj(), [], begin.end(), 0
    try:
        while not unpacker.eof and size < most and place < len(data):
            piece = unpacker.decompress(bytes(data[place : place + _PIECE]), most - size)
            pieces.append(piece)
            size += len(piece)
            place += _PIECE
    except zlib.error:
        pass
    return b"".join(pieces)


def user_unit(pdf: pypdfium2.PdfDocument, index: int) -> float:
    """Return how many points a unit of this page's coordinates is: UserUnit, and 1 where there is none.

    The page is copied to a document of its own and that written, because PDFium shows a page's entries in no other way.
    """
    with closing(pypdfium2.PdfDocument.new()) as copy:
        copy.import_pages(pdf, [index])
        _written.clear()
        raw.FPDF_SaveAsCopy(copy, _WRITER, raw.FPDF_NO_INCREMENTAL)
    match = _UNIT.search(_written)
    unit = float(match[1]) if match else 1.0
    _written.clear()
    return unit if unit > 0 else 1.0


_written = bytearray()


def _take(_writer: object, data: int, size: int) -> int:
    """Take what PDFium writes."""
    _written.extend(ctypes.string_at(data, size))
    return 1


# Made now: a function that C can call takes memory that can be executed, and a confined process gets no more of that.
_WRITER = raw.FPDF_FILEWRITE(1, type(raw.FPDF_FILEWRITE().WriteBlock)(_take))
