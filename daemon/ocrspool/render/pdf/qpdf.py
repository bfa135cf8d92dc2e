"""PDF documents read and written by qpdf, which stays quiet and takes part in no failure of a disk."""

from __future__ import annotations

import io
import logging
from typing import Any, BinaryIO, cast

from pikepdf import Encryption, ObjectStreamMode, PasswordError, Pdf, PdfError

from ocrspool.errors import DocumentError

logging.getLogger("pikepdf").setLevel(logging.CRITICAL)  # nobody needs to know what qpdf mends in a document


def open_what_is_opened_late() -> None:
    """Let qpdf open the device of random numbers, which it keeps: a process that gives up files calls this before.

    qpdf takes random numbers even to read a document that is encrypted with AES.
    """
    with Pdf.new() as pdf:
        pdf.save(io.BytesIO(), encryption=Encryption(owner="", user="", R=6))


def decrypted(original: BinaryIO) -> bytearray:
    """Return the PDF without its encryption, which needs no password to be read. Raise DocumentError."""
    with opened(original) as pdf:
        save(pdf, made := io.BytesIO(), ObjectStreamMode.preserve)
        return bytearray(made.getbuffer())


def opened(original: BinaryIO) -> Pdf:
    """Open a PDF. Raise DocumentError where it needs a password or is damaged."""
    try:
        return Pdf.open(original)
    except PasswordError as error:
        raise DocumentError(
            "encrypted",
            "The PDF document needs a password.",
            "Save it without password protection and send it again.",
        ) from error
    except PdfError as error:
        raise DocumentError(
            "damaged", "The PDF is damaged: its pages can be read, but not kept as they are."
        ) from error


def save(pdf: Pdf, file: BinaryIO, streams: ObjectStreamMode) -> None:
    """Write the PDF; the same document makes the same bytes."""
    sink = _Sink(file)
    # Metadata (XMP) stay as they are: to look at them pikepdf would load an XML library, and a confined process cannot.
    pdf.save(cast(BinaryIO, sink), deterministic_id=True, object_stream_mode=streams, fix_metadata_version=False)
    if sink.error is not None:
        raise sink.error


class _Sink(io.RawIOBase):
    """Writes to a file, and remembers rather than raises what goes wrong: pikepdf would end the process for it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def writable(self) -> bool:
        """Tell that it is."""
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - whatever has bytes
        """Write, or do as if; return how many bytes."""
        if self.error is None:
            try:
                self._file.write(data)
                self._file.flush()
            except OSError as error:
                self.error = error
        return memoryview(data).nbytes
