"""PDF pages, rendered by PDFium.

Nothing in a document is ever run. Forms and annotations are drawn, and forms only by a PDFium without a JavaScript
engine.

A page is rendered at the resolution that is asked for, even if it is one scanned image of another resolution. The
administrator sets `dpi` to choose between speed and detail, so a page does not override it.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import math
import mmap
import os
import sys
from typing import IO

import pypdfium2
from pypdfium2 import raw
from pypdfium2.version import PDFIUM_INFO

from ocrspool.decoding.child import page_size
from ocrspool.decoding.child.page import PageLimits, memory_file
from ocrspool.decoding.child.pdf.annotations import annotations_of
from ocrspool.decoding.child.pdf.attachments import attached, refuse_dynamic_form
from ocrspool.decoding.child.pdf.objects import has_packed_objects, mentioned, user_unit
from ocrspool.decoding.child.pdf.ruling_lines import ruling_lines
from ocrspool.decoding.child.pdf.text import Place, own_characters, own_text
from ocrspool.decoding.child.pdf.text_trust import doubt
from ocrspool.decoding.child.pdf.undrawn_text import undrawn_text
from ocrspool.errors import DocumentError
from ocrspool.pages import EmbeddedText, Notice, PageImage, Point, TextLine, WordMode

_POINTS_PER_INCH = 72
_RUNS_JAVASCRIPT = "V8" in PDFIUM_INFO.flags
_UNIT, _PORTFOLIO = b"/UserUnit", b"/Collection"

logging.getLogger("pypdfium2").setLevel(logging.CRITICAL)  # what a document lacks is said by us, once


class PdfPages:
    """The pages of one open PDF; close it to free what PDFium holds."""

    def __init__(self, file: IO[bytes], _media_type: str, limits: PageLimits) -> None:
        self._limits = limits
        # The mapping is private (ACCESS_COPY) because ctypes takes writable memory only. Through a file object PDFium
        # would call back into Python for every block: a tenth to a third slower, as measured.
        # mmap would not tell that the disk does not say how large the file is.
        size = os.fstat(file.fileno()).st_size
        content: mmap.mmap | bytearray = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY)
        try:
            self._load(content)
        except DocumentError as error:
            if error.kind != "encrypted":
                raise
            content = _decrypted(file, error)
            self._load(content)
        names = mentioned(content, (_UNIT, _PORTFOLIO))
        encrypted = raw.FPDF_GetSecurityHandlerRevision(self._pdf) >= 0
        self._has_units = _UNIT in names or (encrypted and has_packed_objects(content))
        self._units: dict[int, float] = {}
        self.remarks = attached(self._pdf, portfolio=_PORTFOLIO in names)
        refuse_dynamic_form(self._pdf)
        if not _RUNS_JAVASCRIPT:
            # Fields that cannot be drawn leave the rest of the page to read.
            with contextlib.suppress(pypdfium2.PdfiumError):
                self._pdf.init_forms()
        if self._pdf.formenv:
            raw.FPDF_SetFormFieldHighlightAlpha(self._pdf.formenv, 0)  # a field is as it would be printed
        self.count = len(self._pdf)
        self.hidden_lines: tuple[TextLine, ...] = ()
        """Of the page that was rendered last: text that should be seen on it and may not be. The lines of a field or a
        comment have the place of all of it."""

    def _load(self, content: mmap.mmap | bytearray) -> None:
        # Has to outlive the document; the last reference unmaps what is mapped.
        self._data = (ctypes.c_ubyte * len(content)).from_buffer(content)
        # Not by PdfDocument, which cannot tell a broken document from one without pages.
        handle = raw.FPDF_LoadMemDocument64(self._data, len(self._data), None)
        if not handle:
            raise _refusal(raw.FPDF_GetLastError())
        self._pdf = pypdfium2.PdfDocument(handle)

    def close(self) -> None:
        """Close the document, and then the mapping of its file."""
        self._pdf.close()
        del self._data

    def page(self, index: int) -> tuple[PageImage, tuple[Notice, ...]]:
        """Render one page; a very large one is rendered coarser, with a remark that says so."""
        with contextlib.closing(self._pdf[index]) as page:
            scale, dpi = self._scale(page, index)
            with contextlib.closing(page.render(scale=scale)) as bitmap:
                width, height = bitmap.width, bitmap.height
                descriptor = memory_file([bitmap.buffer])
                held, undrawn = annotations_of(page, index + 1), undrawn_text(page, bitmap)
                remarks = (
                    *_remarks(dpi, self._limits.dpi, index + 1),
                    *held.remarks,
                    *undrawn.remarks(index + 1),
                )
                place = Place(page, width, height)
                self.hidden_lines = tuple(
                    TextLine(line, 1.0, place.polygon(each.box), 1.0) for each in held.texts for line in each.lines()
                )
                self.hidden_lines += undrawn.lines
        return PageImage(index + 1, width, height, 3, width, height, dpi, descriptor), remarks

    def own_text(self, index: int, words: WordMode = "words") -> tuple[EmbeddedText, tuple[Notice, ...]]:
        """Return the text that a page brings along, placed as `page` would render it; perhaps no lines."""
        with contextlib.closing(self._pdf[index]) as page:
            width, height = self._size(page, index)
            lines = own_text(page, width, height, words)
            held = annotations_of(page, index + 1)
            why = "annotations" if held.show_text else doubt(page, lines) if lines else ""
            _, dpi = self._scale(page, index)
            rules = ruling_lines(page, Place(page, width, height)) if lines else ()
        fonts = tuple(sorted({each.font for each in lines}))
        own = EmbeddedText(index + 1, width, height, dpi, tuple(each.line for each in lines), why, fonts, rules)
        return own, held.remarks

    def own_characters(self, index: int) -> list[tuple[str, float, float]]:
        """Return each character that a page has as text, and the middle of it as shares of the page's sides."""
        with contextlib.closing(self._pdf[index]) as page:
            return list(own_characters(page))

    def _size(self, page: pypdfium2.PdfPage, index: int) -> tuple[int, int]:
        """Return width and height of the page as it is rendered."""
        scale, _ = self._scale(page, index)
        return math.ceil(page.get_width() * scale), math.ceil(page.get_height() * scale)

    def _scale(self, page: pypdfium2.PdfPage, index: int) -> tuple[float, float]:
        """Return pixels for a unit of the page's coordinates, and the resolution that this is."""
        if self._has_units and index not in self._units:
            self._units[index] = user_unit(self._pdf, index)
        unit = self._units.get(index, 1.0)
        scale = _fitting_scale(page.get_width() * unit, page.get_height() * unit, self._limits)
        # PDFium's caller rounds up; a size that the unit makes a whole number of pixels is not to become one more.
        rounded = unit if unit == 1 else unit * (1 - 1e-6)
        return scale * rounded, round(scale * _POINTS_PER_INCH, 2)

    def frame(self, index: int) -> tuple[Point, Point, Point]:
        """Return what the page's top left, top right and bottom left, as rendered, are in its own coordinates."""
        with contextlib.closing(self._pdf[index]) as page:
            return _corner(page, 0, 0), _corner(page, 1, 0), _corner(page, 0, 1)


def _decrypted(file: IO[bytes], error: DocumentError) -> bytearray:
    """Return the document as qpdf decrypts it: it knows more of that than PDFium. Raise `error` where it cannot.

    Nor where it has not been loaded: a process that has given up files loads nothing.
    """
    qpdf = sys.modules.get("ocrspool.render.pdf.qpdf")
    if qpdf is None:
        raise error
    try:
        content: bytearray = qpdf.decrypted(file)
    except (OSError, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - pikepdf raises whatever it likes; PDFium has said what is wrong
        raise error from None
    return content


def _corner(page: pypdfium2.PdfPage, right: int, down: int) -> Point:
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDF_DeviceToPage(page, 0, 0, 1, 1, 0, right, down, x, y)
    return x.value, y.value


def _refusal(code: int) -> DocumentError:
    if code == raw.FPDF_ERR_PASSWORD:
        return DocumentError(
            "encrypted",
            "The PDF document needs a password.",
            "Save it without password protection and send it again.",
        )
    if code == raw.FPDF_ERR_SECURITY:
        return DocumentError(
            "encrypted",
            "The PDF document is protected in a way that PDFium does not know.",
            "Save it without protection and send it again.",
        )
    return DocumentError(
        "damaged",
        "The PDF document is damaged beyond repair: its structure cannot be made out.",
        "Send it again: the transfer may have failed.",
    )


def _fitting_scale(width: float, height: float, limits: PageLimits) -> float:
    """Return pixels per point, such that the rendered page keeps within the limits."""
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise DocumentError("damaged", f"The page measures {width:g} by {height:g} points.")
    return min(limits.dpi / _POINTS_PER_INCH, page_size.scale_of_pdf(width, height, limits))


def _remarks(dpi: float, wanted: float, number: int) -> tuple[Notice, ...]:
    if dpi >= round(wanted, 2):
        return ()
    message = f"The page is so large that it is rendered at {dpi:g} dpi instead of {wanted:g}."
    return (Notice("resolution-lowered", message, number),)
