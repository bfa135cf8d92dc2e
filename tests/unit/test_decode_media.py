"""Media types: told by content alone."""

from __future__ import annotations

import pytest

import files_made
from ocrspool.decode.media import NAMES, media_type
from ocrspool.errors import DocumentError


@pytest.mark.parametrize(
    ("expected", "head"),
    [
        ("image/png", files_made.png()),
        ("image/jpeg", files_made.jpeg()),
        ("image/tiff", files_made.tiff()),
        ("image/tiff", files_made.tiff(big_tiff=True)),
        ("image/tiff", files_made.grey16_tiff(">", [0, 1])),
        ("image/bmp", files_made.encoded(files_made.corners(), "BMP")),
        ("image/webp", files_made.encoded(files_made.corners(), "WEBP")),
        ("image/gif", files_made.gif()),
        ("image/x-portable-anymap", b"P4\n# made by a scanner\n8 8\n"),
        ("image/x-portable-anymap", b"P6 1 1 255\n"),
        ("application/pdf", files_made.pdf()),
        ("application/pdf", b"\xef\xbb\xbf\r\nMIME junk\r\n" + files_made.pdf()),
        ("application/pdf", b" " * 1019 + b"%PDF-1.4"),
        ("image/png", files_made.png() + files_made.pdf()),
    ],
)
def test_supported(expected: str, head: bytes) -> None:
    """Each kind is known by its first bytes, and a PDF also behind some junk."""
    assert media_type(head[:4096]) == expected
    assert expected in NAMES


@pytest.mark.parametrize(
    ("said", "head"),
    [
        ("text", b"Quarterly report\nPage 1\n"),
        ("text", "Ünïcödé".encode()),
        ("text", "wide".encode("utf-16")),
        ("text", b"BMW, Bayerische Motoren Werke"),
        ("text", b"P1: the first point"),
        ("text", b" " * 1020 + b"%PDF-1.4"),
        ("HTML", b"\n<!doctype HTML><title>502 Bad Gateway</title>"),
        ("SVG", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">'),
        ("XML", b'<?xml version="1.0"?><invoice/>'),
        ("ZIP", b"PK\x03\x04\x14\0\x06\0"),
        ("old Office", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0"),
        ("video", b"\0\0\0\x18ftypisom\0\0\0\0"),
        ("video", b"RIFF\0\0\0\0AVI LIST"),
        ("zero bytes", bytes(4096)),
        ("unknown", bytes(range(256))),
    ],
)
def test_unsupported(said: str, head: bytes) -> None:
    """The error says what the file looks like, and what could be read instead."""
    with pytest.raises(DocumentError, match=said) as caught:
        media_type(head)
    assert caught.value.kind == "unsupported"
    assert "TIFF" in caught.value.hint


def test_empty() -> None:
    """A file of no bytes is a kind of its own: most often a failed transfer."""
    with pytest.raises(DocumentError) as caught:
        media_type(b"")
    assert caught.value.kind == "empty"
