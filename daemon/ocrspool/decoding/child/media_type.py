"""The type of a file, determined from its first bytes and never from its name."""

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
    _signature("image/jpeg", rb"\xff\xd8\xff(?!\xf7)"),
    _signature("image/tiff", rb"II[*+]\0(?!.{4}CR)|MM\0[*+]"),
    _signature("image/bmp", rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0"),
    _signature("image/webp", rb"RIFF.{4}WEBP"),
    _signature("image/gif", rb"GIF8[79]a"),
    _signature("image/x-portable-anymap", rb"P[1-6][\s#]"),
    _signature("application/pdf", rb".{0,1019}%PDF-"),
)

_AS_PDF = "Save or print it as PDF."
_AS_IMAGE = "Save it as JPEG, PNG or TIFF."
_UNPACK = "Unpack it, and send the documents in it one by one."
_NO_DOCUMENT = "Send the document itself."


class _Other(NamedTuple):
    """A kind of file that is not read: what begins so, and what its owner can do."""

    kind: str
    pattern: bytes
    """Compiled when a file is refused, not at each start of a decoder."""
    advice: str


def _other(kind: str, advice: str, pattern: bytes) -> _Other:
    return _Other(kind, pattern, advice)


_ZIP = rb"PK\x03\x04.{26}"
_BRAND = rb".{4}ftyp"
"""How files of the family of MP4 begin; the next four bytes say which member it is."""
_KNOWN = (
    # Pictures.
    _other("a HEIC or AVIF photo", _AS_IMAGE, _BRAND + rb"(hei|hev|mif1|msf1|avif|avis)"),
    _other("a JPEG 2000 image", _AS_IMAGE, rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"),
    _other("a JPEG XL image", _AS_IMAGE, rb"\0\0\0\x0cJXL |\xff\x0a"),
    _other("a JPEG XR image", _AS_IMAGE, rb"II\xbc"),
    _other("a JPEG-LS image", _AS_IMAGE, rb"\xff\xd8\xff\xf7"),
    _other("a JBIG2 image", _AS_IMAGE, rb"\x97JB2\r\n\x1a\n"),
    _other(
        "a camera's raw picture",
        _AS_IMAGE,
        rb"II\*\0.{4}CR|IIU\0|II?RO|IIRS|MMOR|FUJIFILMCCD-RAW|FOVb|\0MRM|" + _BRAND + rb"crx ",
    ),
    _other("a Photoshop document", _AS_IMAGE, rb"8BPS"),
    _other("a GIMP picture", _AS_IMAGE, rb"gimp xcf"),
    _other("a Windows icon", _AS_IMAGE, rb"\0\0[\1\2]\0[^\0]\0"),
    _other("a Windows metafile", _AS_PDF, rb"\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF"),
    _other("a PCX image", _AS_IMAGE, rb"\x0a[\0-\5]\x01[\1\2\4\x08]"),
    _other("a PAM or PFM image", _AS_IMAGE, rb"P7\n|P[Ff]\s"),
    _other("a DICOM picture of a hospital", _AS_IMAGE, rb".{128}DICM"),
    _other("an SVG drawing", _AS_PDF, rb"(?i)(\xef\xbb\xbf)?\s*(<\?xml.{0,500})?<svg"),
    _other("an AutoCAD drawing", _AS_PDF, rb"AC10[0-9][0-9]"),
    # Documents.
    _other("PostScript", _AS_PDF, rb"%!PS|\x04%!PS|\xc5\xd0\xd3\xc6"),
    _other("a DjVu document", _AS_PDF, rb"AT&TFORM"),
    _other("RTF", _AS_PDF, rb"\{\\rtf"),
    _other("an old Office document or an Outlook message", _AS_PDF, rb"\xd0\xcf\x11\xe0"),
    _other("an OpenDocument text", _AS_PDF, _ZIP + rb"mimetypeapplication/vnd\.oasis\.opendocument\.text"),
    _other("an OpenDocument table", _AS_PDF, _ZIP + rb"mimetypeapplication/vnd\.oasis\.opendocument\.spreadsheet"),
    _other("an OpenDocument file", _AS_PDF, _ZIP + rb"mimetypeapplication/vnd\.oasis\.opendocument"),
    _other("an EPUB book", _AS_PDF, _ZIP + rb"mimetypeapplication/epub"),
    _other("a Word document", _AS_PDF, _ZIP + rb".*word/"),
    _other("an Excel table", _AS_PDF, _ZIP + rb".*xl/"),
    _other("a PowerPoint presentation", _AS_PDF, _ZIP + rb".*ppt/"),
    _other("an XPS document", _AS_PDF, _ZIP + rb".*(FixedDocSeq|\.fdseq|\.fpage|Documents/1/)"),
    _other("an Office document", _AS_PDF, _ZIP + rb"(\[Content_Types\]|_rels/|docProps/)"),
    _other(
        "HTML (often an error page saved under the document's name)",
        _AS_PDF,
        rb"(?i)(\xef\xbb\xbf)?\s*(<!--.{0,500}-->\s*)?<(!doctype html|html|head|body)",
    ),
    _other("XML", _AS_PDF, rb"(\xef\xbb\xbf)?\s*<\?xml"),
    _other(
        "an e-mail",
        "Save what is attached to it, and send that; or print it as PDF.",
        rb"(?i)(From |(return-path|received|delivered-to|mime-version|message-id|x-[a-z]+|from|date|subject): ?[^\n]*\n"
        rb"([\w-]+: |[ \t]))",
    ),
    # What holds other files, and what is no picture of a page at all.
    _other("a ZIP archive", _UNPACK, rb"PK(\x03\x04|\x05\x06|\x07\x08)"),
    _other("a compressed archive", _UNPACK, rb"\x1f\x8b|7z\xbc\xaf|Rar!|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|.{257}ustar"),
    _other("a video", _NO_DOCUMENT, _BRAND + rb"|\x1aE\xdf\xa3|RIFF.{4}AVI "),
    _other("a sound", _NO_DOCUMENT, rb"ID3|RIFF.{4}WAVE|OggS|fLaC"),
    _other("a program", _NO_DOCUMENT, rb"\x7fELF|MZ.{58}"),
    _other("zero bytes only, as an interrupted copy leaves them", _NO_DOCUMENT, rb"\0+\Z"),
)
"""In this order: a ZIP archive may be a document of many kinds."""

_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def media_type(head: bytes) -> str:
    """Return the media type of a file that begins so. Raise DocumentError where it is none that is read."""
    if not head:
        raise DocumentError("empty", "The file is empty (0 bytes).", "Send it again: the transfer may have failed.")
    for kind, pattern in _READ:
        if pattern.match(head):
            return kind
    kind, advice = _guess(head)
    raise DocumentError(
        "unsupported", f"The file holds {kind}, which is no document that can be read.", f"{advice} {_SUPPORTED}"
    )


def _guess(head: bytes) -> tuple[str, str]:
    for kind, pattern, advice in _KNOWN:
        if re.match(pattern, head, re.DOTALL):
            return kind, advice
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or not _CONTROL.search(head):
        return "text", "It needs no reading; to have it among the results, print it as PDF."
    return "data of an unknown kind", _AS_PDF
