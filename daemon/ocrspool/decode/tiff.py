"""How many pages a TIFF file has, found without reading any of them."""

from __future__ import annotations

import struct
from typing import IO

from ocrspool.decode.page import Remark
from ocrspool.errors import DocumentError

_BIG = 43
"""Version number in the header of a BigTIFF file, whose offsets have 8 bytes."""


def count_pages(file: IO[bytes], most: int) -> tuple[int, tuple[Remark, ...]]:
    """Count the pages, but no further than one more than `most`.

    A TIFF file is a chain: each page says where the next one is described. A chain that leaves the file is a
    file that has lost its end, and refused like every truncated file; one that comes back to an earlier page
    has lost nothing, and ends there.
    """
    file.seek(0)
    header = file.read(16)
    order = "<" if header.startswith(b"II") else ">"
    big = struct.unpack_from(f"{order}H", header, 2)[0] == _BIG
    entries, entry_bytes, pointer = (f"{order}Q", 20, f"{order}Q") if big else (f"{order}H", 12, f"{order}I")
    place = _number(header[8:] if big else header[4:], pointer)
    seen: set[int] = set()
    while place and len(seen) <= most:
        if place in seen:
            return len(seen), (Remark("page-loop", "The file's last page leads back to an earlier one."),)
        seen.add(place)
        file.seek(min(place, 1 << 62))
        count = _number(file.read(struct.calcsize(entries)), entries)
        file.seek(min(place + struct.calcsize(entries) + count * entry_bytes, 1 << 62))
        place = _number(file.read(struct.calcsize(pointer)), pointer)
    return len(seen), ()


def _number(data: bytes, form: str) -> int:
    if len(data) < struct.calcsize(form):
        raise DocumentError(
            "damaged",
            "The TIFF image is truncated: the description of a page lies beyond its end.",
            "Send it again: the transfer may have failed.",
        )
    value: int = struct.unpack_from(form, data)[0]
    return value
