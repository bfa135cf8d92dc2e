"""Files of people, for the parsers that are ours, and for the whole of a decoder."""

from __future__ import annotations

import io
import os
from contextlib import closing, suppress

from fuzzing.target import Target
from ocrspool.decoding.child import file_end, media_type
from ocrspool.decoding.child.document import Document
from ocrspool.decoding.child.image import bmp, jpeg, png
from ocrspool.decoding.child.page import PageLimits
from ocrspool.decoding.child.pdf import objects
from ocrspool.decoding.child.tiff import directory
from ocrspool.errors import DocumentError
from support import rare_files, sample_files, sample_pdfs

LIMITS = PageLimits(dpi=50, pages=3, megapixels=0.5, side=500, most_bytes=4 << 20)


def _descriptor(data: bytes) -> int:
    descriptor = os.memfd_create("source", os.MFD_CLOEXEC)
    os.write(descriptor, data)
    return descriptor


def ends(data: bytes) -> None:
    """A file that may still be written to is whole, or refused."""
    descriptor = _descriptor(data)
    try:
        with suppress(DocumentError):
            file_end.refuse_unfinished(descriptor)
    finally:
        os.close(descriptor)


def structure(data: bytes) -> None:
    """Our own parsers of pictures raise nothing but what they promise, and make nothing larger than the file."""
    with suppress(DocumentError):
        media_type.media_type(data[: media_type.HEAD_BYTES])
    stream = jpeg.split(data)
    assert len(stream.bytes()) <= len(data) + 4
    jpeg.ordinary(data)
    jpeg._frame_marker(io.BytesIO(data))
    assert len(png.bare(io.BytesIO(data)).read()) <= len(data) + 8
    if data.startswith((b"II", b"MM")) and len(data) > 8:
        with suppress(DocumentError):
            pages, _ = directory.find_pages(io.BytesIO(data), 10)
            assert len(pages) <= 11
    objects.mentioned(bytearray(data), [b"/XFA", b"/Collection"])
    with suppress(Exception):  # the decoder says of what a library raises that the file is damaged
        bmp.read_again(io.BytesIO(data)).load()


def documents(data: bytes) -> None:
    """A document is opened and its first page decoded, or it is refused with words."""
    with suppress(DocumentError), closing(Document(_descriptor(data), LIMITS)) as document:
        document.own_text(0)
        image, _ = document.page(0)
        os.close(image.fd)
        assert 0 < image.width * image.height * image.channels <= LIMITS.most_bytes


def _pictures() -> list[bytes]:
    small = sample_files.corners((16, 8))
    kinds = [sample_files.encoded(small, kind) for kind in ("PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP", "PPM")]
    rare = (rare_files.twelve_bit_jpeg, rare_files.arithmetic_jpeg, lambda: rare_files.jpeg_without_end(small))
    tiffs = [sample_files.g4_tiff((64, 64)), sample_files.tiff(small, small), sample_files.tiff_chain(4)]
    fields = rare_files.bmp(16, 3, (0xF800, 0x7E0, 0x1F), bytes(8))
    return [*kinds, *(make() for make in rare), *tiffs, fields, b"II+\0\x08\0\0\0" + bytes(64)]


def _all() -> list[bytes]:
    pdfs = (sample_pdfs.with_unit(3, packed=True), sample_pdfs.with_unit(2), sample_pdfs.encrypted_by(3))
    return [*_pictures(), *pdfs]


TARGETS = (
    Target("file-ends", ends, _all),
    Target("structure", structure, _all),
    Target("documents", documents, _all),
)
