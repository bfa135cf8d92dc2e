"""What a file is, told from its first bytes and never from its name."""

from __future__ import annotations

import re
from typing import NamedTuple

from ocrspool.errors import DocumentError

HEAD_BYTES = 4096
"""How much of a file `media_type` wants to see."""

NAMES = {
    "image/png": "PNG image",
    "image/jpeg": "JPEG image",
    "image/tiff": "TIFF image",
    "image/bmp": "BMP image",
    "image/webp": "WebP image",
    "image/gif": "GIF image",
    "image/x-portable-anymap": "PNM image",
    "application/pdf": "PDF document",
}
"""The supported media types, as a person calls them."""

_SUPPORTED = "Supported are PDF, PNG, JPEG, TIFF, BMP, WebP, GIF and PNM (PBM, PGM, PPM)."


class _Signature(NamedTuple):
    """A file of this kind begins with this pattern."""

    kind: str
    pattern: re.Pattern[bytes]


def _signature(kind: str, pattern: bytes) -> _Signature:
    return _Signature(kind, re.compile(pattern, re.DOTALL))


# PDF comes last: its header may stand behind up to a kilobyte of anything, also of an image.
_READ = (
    _signature("image/png", rb"\x89PNG\r\n\x1a\n"),
    _signature("image/jpeg", rb"\xff\xd8\xff"),
    _signature("image/tiff", rb"II[*+]\0|MM\0[*+]"),
    _signature("image/bmp", rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0"),
    _signature("image/webp", rb"RIFF.{4}WEBP"),
    _signature("image/gif", rb"GIF8[79]a"),
    _signature("image/x-portable-anymap", rb"P[1-6][\s#]"),
    _signature("application/pdf", rb".{0,1019}%PDF-"),
)

_KNOWN = (
    _signature(
        "HTML (often an error page saved under the document's name)",
        rb"(?i)\s*<(!doctype html|html|head|body)",
    ),
    _signature("an SVG drawing", rb"(?i)\s*(<\?xml.{0,500})?<svg"),
    _signature("XML", rb"\s*<\?xml"),
    _signature("a ZIP archive or an Office document", rb"PK\x03\x04"),
    _signature("an old Office document or an Outlook message", rb"\xd0\xcf\x11\xe0"),
    _signature("a HEIC or AVIF photo", rb".{4}ftyp(heic|heix|hevc|mif1|msf1|avif|avis)"),
    _signature("a video", rb".{4}ftyp|\x1aE\xdf\xa3|RIFF.{4}AVI "),
    _signature("a JPEG 2000 image", rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"),
    _signature("a JPEG XL image", rb"\0\0\0\x0cJXL |\xff\x0a"),
    _signature("PostScript", rb"%!PS"),
    _signature("a DjVu document", rb"AT&TFORM"),
    _signature("RTF", rb"\{\\rtf"),
    _signature("a compressed archive", rb"\x1f\x8b|7z\xbc\xaf|Rar!|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd"),
    _signature("zero bytes only, as an interrupted copy leaves them", rb"\0+\Z"),
)

_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def media_type(head: bytes) -> str:
    """Return the media type of a file that begins so. Raise DocumentError where it is none that is read."""
    if not head:
        raise DocumentError("empty", "The file is empty (0 bytes).", "Send it again: the transfer may have failed.")
    for kind, pattern in _READ:
        if pattern.match(head):
            return kind
    raise DocumentError(
        "unsupported", f"The file holds {_guess(head)}, which is no document that can be read.", _SUPPORTED
    )


def _guess(head: bytes) -> str:
    for kind, pattern in _KNOWN:
        if pattern.match(head):
            return kind
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or not _CONTROL.search(head):
        return "text"
    return "data of an unknown kind"
