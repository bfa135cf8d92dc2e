"""Media types: told by content alone."""

from __future__ import annotations

import io
import zipfile

import pytest

from ocrspool.decoding.child.media_type import NAMES, media_type
from ocrspool.errors import DocumentError
from support import sample_files


@pytest.mark.parametrize(
    ("expected", "head"),
    [
        ("image/png", sample_files.png()),
        ("image/jpeg", sample_files.jpeg()),
        ("image/tiff", sample_files.tiff()),
        ("image/tiff", sample_files.tiff(big_tiff=True)),
        ("image/tiff", sample_files.grey16_tiff(">", [0, 1])),
        ("image/bmp", sample_files.encoded(sample_files.corners(), "BMP")),
        ("image/webp", sample_files.encoded(sample_files.corners(), "WEBP")),
        ("image/gif", sample_files.gif()),
        ("image/x-portable-anymap", b"P4\n# made by a scanner\n8 8\n"),
        ("image/x-portable-anymap", b"P6 1 1 255\n"),
        ("application/pdf", sample_files.pdf()),
        ("application/pdf", b"\xef\xbb\xbf\r\nMIME junk\r\n" + sample_files.pdf()),
        ("application/pdf", b" " * 1019 + b"%PDF-1.4"),
        ("image/png", sample_files.png() + sample_files.pdf()),
    ],
)
def test_supported(expected: str, head: bytes) -> None:
    """Each kind is known by its first bytes, and a PDF also behind some junk."""
    assert media_type(head[:4096]) == expected
    assert expected in NAMES


def _zip(*names: str) -> bytes:
    """An archive of files that hold nothing but their names, the first of them uncompressed."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(name, f"application/vnd.{name}")
    return made.getvalue()


def _odf(kind: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("mimetype", f"application/{kind}")
    return made.getvalue()


@pytest.mark.parametrize(
    ("said", "advice", "head"),
    [
        ("text", "PDF", b"Quarterly report\nPage 1\n"),
        ("text", "PDF", "Ünïcödé".encode()),
        ("text", "PDF", "wide".encode("utf-16")),
        ("text", "PDF", b"BMW, Bayerische Motoren Werke"),
        ("text", "PDF", b"P1: the first point"),
        ("text", "PDF", b"From: somebody whom I know\n"),
        ("text", "PDF", b" " * 1020 + b"%PDF-1.4"),
        ("HTML", "PDF", b"\n<!doctype HTML><title>502 Bad Gateway</title>"),
        ("HTML", "PDF", b"\xef\xbb\xbf<!-- saved --><html>"),
        ("SVG", "PDF", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">'),
        ("XML", "PDF", b'<?xml version="1.0"?><invoice/>'),
        ("ZIP archive", "one by one", _zip("scan.pdf")),
        ("Word document", "PDF", _zip("[Content_Types].xml", "word/document.xml")),
        ("Excel table", "PDF", _zip("[Content_Types].xml", "xl/workbook.xml")),
        ("PowerPoint", "PDF", _zip("[Content_Types].xml", "ppt/presentation.xml")),
        ("Office document", "PDF", _zip("[Content_Types].xml", "_rels/.rels")),
        ("XPS document", "PDF", _zip("[Content_Types].xml", "FixedDocSeq.fdseq")),
        ("OpenDocument text", "PDF", _odf("vnd.oasis.opendocument.text")),
        ("OpenDocument table", "PDF", _odf("vnd.oasis.opendocument.spreadsheet")),
        ("EPUB", "PDF", _odf("epub+zip")),
        ("old Office", "PDF", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ("RTF", "PDF", rb"{\rtf1\ansi"),
        ("e-mail", "attached", b"Received: from mail by mx\r\n\tid 1\r\nSubject: invoice\r\n"),
        ("e-mail", "attached", b"From: a@example.org\nTo: b@example.org\n\nDear"),
        ("PostScript", "PDF", b"%!PS-Adobe-3.0 EPSF-3.0"),
        ("PostScript", "PDF", b"\xc5\xd0\xd3\xc6\x20\0\0\0"),
        ("DjVu", "PDF", b"AT&TFORM\0\0\0\0DJVU"),
        ("HEIC or AVIF", "JPEG", b"\0\0\0\x18ftypheic\0\0\0\0"),
        ("HEIC or AVIF", "JPEG", b"\0\0\0\x18ftypmif1\0\0\0\0"),
        ("HEIC or AVIF", "JPEG", b"\0\0\0\x18ftypavif\0\0\0\0"),
        ("JPEG 2000", "PNG", sample_files.encoded(sample_files.corners(), "JPEG2000")),
        ("JPEG 2000", "PNG", sample_files.encoded(sample_files.corners(), "JPEG2000", no_jp2=True)),
        ("JPEG XL", "PNG", b"\xff\x0a\xfa\x1f"),
        ("JPEG XL", "PNG", b"\0\0\0\x0cJXL \r\n\x87\n"),
        ("JPEG XR", "PNG", b"II\xbc\x01\x20\0\0\0"),
        ("JPEG-LS", "PNG", b"\xff\xd8\xff\xf7\0\x0b"),
        ("JBIG2", "PNG", b"\x97JB2\r\n\x1a\n\x01\0\0\0\x01"),
        ("camera's raw", "JPEG", b"II*\0\x10\0\0\0CR\x02\0"),
        ("camera's raw", "JPEG", b"IIU\0\x18\0\0\0"),
        ("camera's raw", "JPEG", b"IIRO\x08\0\0\0"),
        ("camera's raw", "JPEG", b"FUJIFILMCCD-RAW 0201"),
        ("camera's raw", "JPEG", b"\0\0\0\x18ftypcrx \0\0\0\x01"),
        ("Photoshop", "PNG", b"8BPS\0\x01"),
        ("Windows icon", "PNG", b"\0\0\1\0\1\0\x10\x10"),
        ("metafile", "PDF", b"\x01\0\0\0" + bytes(36) + b" EMF"),
        ("PAM", "PNG", b"P7\nWIDTH 3\n"),
        ("DICOM", "PNG", bytes(128) + b"DICM\x02\0"),
        ("video", "document itself", b"\0\0\0\x18ftypisom\0\0\0\0"),
        ("video", "document itself", b"RIFF\0\0\0\0AVI LIST"),
        ("sound", "document itself", b"ID3\x03\0"),
        ("zero bytes", "document itself", bytes(4096)),
        ("compressed archive", "one by one", b"\x1f\x8b\x08\0"),
        ("unknown", "PDF", bytes(range(256))),
    ],
)
def test_unsupported(said: str, advice: str, head: bytes) -> None:
    """The error says what the file looks like, what to make of it, and what could be read instead."""
    with pytest.raises(DocumentError, match=said) as caught:
        media_type(head[:4096])
    assert caught.value.kind == "unsupported"
    assert advice in caught.value.hint.partition("Supported are")[0]
    assert "TIFF" in caught.value.hint


def test_empty() -> None:
    """A file of no bytes is a kind of its own: most often a failed transfer."""
    with pytest.raises(DocumentError) as caught:
        media_type(b"")
    assert caught.value.kind == "empty"
