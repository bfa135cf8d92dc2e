"""The page image that a decoder hands out: where its pixels are, and what must be said about it."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Iterable

    from ocrspool.pages import Notice

_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


@dataclass(frozen=True, slots=True)
class PageLimits:
    """How large a document and its pages may be, and how fine PDF pages are rendered."""

    dpi: float
    """Resolution at which PDF pages are rendered."""
    pages: int
    """A document with more is refused."""
    megapixels: float
    """An image with more is refused from its header; a PDF page is rendered coarser."""
    side: int
    """An ordinary sheet whose longer side has more pixels is reduced to it."""
    most_bytes: int = 512 << 20
    """Memory that the pixels of one page may take; a page with more is reduced."""
    whole: bool = True
    """Whether pages that are larger or longer than a sheet keep their pixels; not so where a page is only shown."""


def warning_as_json(warning: Notice) -> dict[str, Any]:
    """Return the form that the protocol uses. A decoder warns of pages and of documents, never of lines."""
    found = {"code": warning.code, "message": warning.message, "page": warning.page}
    return {name: value for name, value in found.items() if value is not None}


def memory_file(pieces: Iterable[bytes | ctypes.Array[ctypes.c_ubyte]]) -> int:
    """Return the descriptor of a new memory file that holds these pieces for good; the caller closes it.

    It is sealed, so that even a decoder taken over by its document cannot change a page that was handed out.
    Before Linux 6.7 a sealed file maps with MAP_PRIVATE only, so that is how its readers map it.
    """
    descriptor = os.memfd_create("page", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        for piece in pieces:
            rest = memoryview(piece).cast("B")
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
