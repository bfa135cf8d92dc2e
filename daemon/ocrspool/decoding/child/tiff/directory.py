"""Find the pages of a TIFF file without reading any of them."""

from __future__ import annotations

import struct
from typing import IO

from ocrspool.errors import DocumentError
from ocrspool.pages import Notice

_BIG = 43
"""Version number in the header of a BigTIFF file, whose offsets have 8 bytes."""
_NEW_SUBFILE_TYPE = 254
_NO_PAGE = 0b101
"""Of its bits: a smaller copy of another image (a thumbnail, say), and a mask."""


def find_pages(file: IO[bytes], most: int) -> tuple[list[int], tuple[Notice, ...]]:
    """Return at which byte the directory of each page lies; of no more images than one more than `most`.

    A TIFF file is a chain: each image says where the next one is described. A chain that leaves the file is a
    file that has lost its end, and refused like every truncated file; one that comes back to an earlier image
    has lost nothing, and ends there.

    Thumbnails and masks are no pages, unless there is nothing else.
    """
    file.seek(0)
    header = file.read(16)
    order = "<" if header.startswith(b"II") else ">"
    big = struct.unpack_from(f"{order}H", header, 2)[0] == _BIG
    entries, entry_bytes, pointer = (f"{order}Q", 20, f"{order}Q") if big else (f"{order}H", 12, f"{order}I")
    place = _number(header[8:] if big else header[4:], pointer)
    seen: dict[int, None] = {}
    pages: list[int] = []
    remarks: tuple[Notice, ...] = ()
    while place and len(seen) <= most:
        if place in seen:
            remarks = (Notice("page-loop", "The file's last page leads back to an earlier one.", None),)
            break
        file.seek(min(place, 1 << 62))
        count = _number(file.read(struct.calcsize(entries)), entries)
        if not (count and _is_beside(file.read(entry_bytes), order)):
            pages.append(place)
        seen[place] = None
        file.seek(min(place + struct.calcsize(entries) + count * entry_bytes, 1 << 62))
        place = _number(file.read(struct.calcsize(pointer)), pointer)
    return pages or list(seen), remarks


def _is_beside(entry: bytes, order: str) -> bool:
    """Tell from an image's first entry (they are in order, and nothing comes before this one) that it is no page."""
    if len(entry) < struct.calcsize("HH") or struct.unpack_from(f"{order}H", entry)[0] != _NEW_SUBFILE_TYPE:
        return False
    value = entry[-8:] if len(entry) > 12 else entry[-4:]  # noqa: PLR2004 - bytes of an entry that is not BigTIFF's
    return bool(struct.unpack_from(f"{order}I", value)[0] & _NO_PAGE)


def _number(data: bytes, form: str) -> int:
    if len(data) < struct.calcsize(form):
        raise DocumentError(
            "damaged",
            "The TIFF image is truncated: the description of a page lies beyond its end.",
            "Send it again: the transfer may have failed.",
        )
    value: int = struct.unpack_from(form, data)[0]
    return value
