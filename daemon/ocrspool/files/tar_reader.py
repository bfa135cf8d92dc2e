"""Reads a tar archive that may be damaged or hostile: regular files only, in one pass, from pipes too.

The reader of the standard library accepts links, devices and headers of any length, and unpacks to the paths that an
archive names. This module unpacks nothing: its caller decides by name and size what happens to each file.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

BLOCK = tarfile.BLOCKSIZE
_PIECE = 1 << 20
_LONGEST_NAME = 4096
_LONGEST_HEADER = 1 << 16
"""Bytes of an extended header (pax)."""
_EXTENDED = {tarfile.XHDTYPE, tarfile.XGLTYPE}


@dataclass(frozen=True, slots=True)
class Member:
    """One regular file of an archive."""

    name: str
    size: int
    _reader: _Reader

    def pieces(self) -> Iterator[bytes]:
        """Yield its bytes. All have to be taken before the next member is asked for."""
        return self._reader.pieces(self.size)

    def skip(self) -> None:
        """Pass over its bytes."""
        for _ in self.pieces():
            pass


def members(
    source: BinaryIO, on_bytes: Callable[[int], object] = lambda _: None, *, foreign: bool = False
) -> Iterator[Member]:
    """Yield each regular file up to the end of the archive. Raise ValueError at anything else, or where it is cut off.

    An archive that we have written holds nothing but files, with long names as GNU tar has them. With `foreign` there
    may also be what other programs write: folders, which are passed over, and extended headers, of which the name
    counts. `on_bytes` is told how many bytes were read.
    """
    reader = _Reader(source, on_bytes)
    name = ""
    while (block := reader.read(BLOCK)).strip(b"\0"):
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except tarfile.TarError as error:
            raise ValueError(f"it is no tar archive, or damaged ({error})") from error
        if header.size < 0:
            raise ValueError(f"{header.name!r} has a negative size")
        if header.type == tarfile.GNUTYPE_LONGNAME and header.size <= _LONGEST_NAME:
            name = b"".join(reader.pieces(header.size)).rstrip(b"\0").decode("utf-8")
        elif foreign and header.type in _EXTENDED and header.size <= _LONGEST_HEADER:
            extended = b"".join(reader.pieces(header.size))
            name = _path_in(extended) if header.type == tarfile.XHDTYPE else name
        elif foreign and header.type == tarfile.DIRTYPE:
            name = ""
        elif header.type in {tarfile.REGTYPE, tarfile.AREGTYPE}:
            yield Member(name or header.name, header.size, reader)
            name = ""
        else:
            raise ValueError(f"{header.name!r} is no regular file (tar type {header.type!r})")


class _Reader:
    """Reads exactly as many bytes as asked for."""

    def __init__(self, source: BinaryIO, on_bytes: Callable[[int], object]) -> None:
        self._source = source
        self._on_bytes = on_bytes

    def read(self, size: int) -> bytes:
        """Return so many bytes. Raise ValueError where the file ends before."""
        pieces = []
        while size:
            piece = self._source.read(min(size, _PIECE))
            if not piece:
                raise ValueError("it is cut off")
            pieces.append(piece)
            size -= len(piece)
            self._on_bytes(len(piece))
        return b"".join(pieces)

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield so many bytes in pieces, and pass over what fills the last block up."""
        for start in range(0, size, _PIECE):
            yield self.read(min(_PIECE, size - start))
        self.read(-size % BLOCK)


def _path_in(header: bytes) -> str:
    """Return the name in an extended header, "" where it has none. Raise ValueError where it changes the size."""
    name = ""
    while header:
        length = int(header.partition(b" ")[0])  # of "12 key=value\n", the number and the blank too
        record, header = header[:length], header[length:]
        if length != len(record) or not record.endswith(b"\n"):
            raise ValueError("an extended header of it is damaged")
        key, _, value = record[:-1].partition(b" ")[2].partition(b"=")
        if key == b"path":
            name = value.decode("utf-8")
        elif key == b"size" or key.startswith(b"GNU.sparse"):
            raise ValueError(f"an extended header of it sets {key.decode('ascii', 'replace')}")
    return name
