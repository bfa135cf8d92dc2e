"""Content of a PDF that is not on its pages: an XFA form that only some readers can show, and attached files."""

from __future__ import annotations

import ctypes
import re
from contextlib import closing

import pypdfium2
from pypdfium2 import raw

from ocrspool.decoding.child.pdf.strings import utf16
from ocrspool.errors import DocumentError
from ocrspool.pages import Notice

_DYNAMIC = re.compile(rb"<dynamicRender\s*>\s*required\s*<")
"""In the packet `config` of an XFA form (XFA 3.3, chapter 9): the pages are made by whoever opens the file."""
_PLACEHOLDER = re.compile(r"adobe\.com/go/|Adobe\s+(Acrobat\s+)?Reader", re.IGNORECASE)
_SHORT = 1500
"""Characters of a page that is a placeholder, at most: the usual one has 700."""
_FEW_PAGES = 2
"""A placeholder is one page; one more is allowed for."""
_MOST_NAMES, _LONGEST_NAME = 20, 100


def refuse_dynamic_form(pdf: pypdfium2.PdfDocument) -> None:
    """Raise DocumentError where the pages are only a placeholder for an XFA form that PDFium cannot lay out.

    A static XFA form has its pages in the PDF, with fields on them, and is read like any other document.
    """
    form = raw.FPDF_GetFormType(pdf)
    if form not in {raw.FORMTYPE_XFA_FULL, raw.FORMTYPE_XFA_FOREGROUND} or len(pdf) > _FEW_PAGES:
        return
    pages = [_facts(pdf, index) for index in range(len(pdf))]
    if any(has_fields for has_fields, _ in pages):
        return
    dynamic = form == raw.FORMTYPE_XFA_FULL or _DYNAMIC.search(_packet(pdf, b"config"))
    if dynamic or any(len(text) <= _SHORT and _PLACEHOLDER.search(text) for _, text in pages):
        raise DocumentError(
            "unsupported",
            "The PDF document is a dynamic XFA form: its page is only a placeholder, and the form itself is not read.",
            "Open it in Adobe Acrobat or Reader, print it to a PDF file, and send that.",
        )


def attached(pdf: pypdfium2.PdfDocument, *, portfolio: bool) -> tuple[Notice, ...]:
    """Return what is to be said of the files that are attached to the document; nothing where there are none."""
    files = (raw.FPDFDoc_GetAttachment(pdf, index) for index in range(raw.FPDFDoc_GetAttachmentCount(pdf)))
    names = [attachment_name(file) for file in files]
    if portfolio:
        message = f"The PDF is a portfolio. {_files(names)} in it, not read{_listed(names)}. Send each file by itself."
        return (Notice("portfolio", message, None),)
    return attachments_remark(names)


def attachments_remark(names: list[str], page: int | None = None) -> tuple[Notice, ...]:
    """Return what is to be said of attached files with these names: nothing where there are none."""
    if not names:
        return ()
    message = f"{_files(names)} attached to the {'page' if page else 'PDF'}, not read{_listed(names)}."
    return (Notice("attachments", message, page),)


def attachment_name(attachment: raw.FPDF_ATTACHMENT | None) -> str:
    """Return the name of an attached file; "?" where it has none."""
    if not attachment:
        return "?"
    name = utf16(lambda buffer, size: raw.FPDFAttachment_GetName(attachment, buffer, size))
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name) or "?"


def _files(names: list[str]) -> str:
    return "One file is" if len(names) == 1 else f"{len(names)} files are"


def _listed(names: list[str]) -> str:
    if not names:
        return ""
    shown = [name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…" for name in names[:_MOST_NAMES]]
    more = f", and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f" ({', '.join(shown)}{more})"


def _facts(pdf: pypdfium2.PdfDocument, index: int) -> tuple[bool, str]:
    """Return whether the page has form fields on it, and its text."""
    with closing(pdf[index]) as page:
        annotations = [raw.FPDFPage_GetAnnot(page, at) for at in range(raw.FPDFPage_GetAnnotCount(page))]
        try:
            has_fields = any(raw.FPDFAnnot_GetSubtype(each) == raw.FPDF_ANNOT_WIDGET for each in annotations)
        finally:
            for each in annotations:
                raw.FPDFPage_CloseAnnot(each)
        with closing(page.get_textpage()) as text:
            return has_fields, text.get_text_bounded()


def _packet(pdf: pypdfium2.PdfDocument, wanted: bytes) -> bytes:
    """Return a packet of the XFA form; nothing where it has none of this name."""
    for index in range(raw.FPDF_GetXFAPacketCount(pdf)):
        size = raw.FPDF_GetXFAPacketName(pdf, index, None, 0)
        name = ctypes.create_string_buffer(size)
        raw.FPDF_GetXFAPacketName(pdf, index, name, size)
        if name.value != wanted:
            continue
        length = ctypes.c_ulong()
        raw.FPDF_GetXFAPacketContent(pdf, index, None, 0, length)
        content = ctypes.create_string_buffer(max(1, length.value))
        raw.FPDF_GetXFAPacketContent(pdf, index, content, length.value, length)
        return content.raw
    return b""
