"""PNG images without the data beside the picture, for files whose comments or profiles are broken or endless."""

from __future__ import annotations

import io
import zlib
from typing import IO

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_AROUND = 12
"""Bytes of a chunk beside its contents: length, name and checksum."""
_KEPT = {b"tRNS": range(1, 257), b"pHYs": range(9, 10), b"eXIf": range(8, 1 << 16)}
"""What is not critical, and is used: transparency, resolution, and which way is up; and how many bytes it may have."""


def bare(file: IO[bytes]) -> IO[bytes]:
    """Return the image with its critical chunks as they are, and of the others the sound ones that are used."""
    file.seek(0)
    data = file.read()
    kept = [_SIGNATURE]
    place = len(_SIGNATURE)
    while place < len(data):
        end = place + int.from_bytes(data[place : place + 4], "big") + _AROUND
        chunk, place = data[place:end], end
        name = chunk[4:8]
        if not name[:1].islower() or (name in _KEPT and _sound(chunk)):
            kept.append(chunk)
    return io.BytesIO(b"".join(kept))


def _sound(chunk: bytes) -> bool:
    right = zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")
    return right and len(chunk) - _AROUND in _KEPT[chunk[4:8]]
