"""Searchable PDF: the look of each page stays, and invisible text is placed where it was read.

A source that is a PDF keeps its pages as they are, and everything else in it. A text layer is added. Of any other
source, each page becomes a picture with the text over it. The layer is at the beginning of a page's content, where
nothing that the page does to its coordinates can move it. It is invisible, so it does not matter what is painted over
it.

pikepdf reads files that may be hostile, so only a decoder imports this module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from pikepdf import ObjectStreamMode, Pdf

from ocrspool.errors import DocumentError
from ocrspool.render.page_picture import Painter
from ocrspool.render.pdf.archival import claim
from ocrspool.render.pdf.description import Description, describe
from ocrspool.render.pdf.pages import new_page, page_size, show, turn, upright
from ocrspool.render.pdf.qpdf import open_what_is_opened_late, opened, save
from ocrspool.render.pdf.tags import Tags
from ocrspool.render.pdf.text_layer import Frame, TextLayer
from ocrspool.results import schema
from ocrspool.results.schema import Document

__all__ = ["Frame", "open_what_is_opened_late", "write_over_original", "write_over_pictures"]


def write_over_pictures(document: Document, paint: Painter, file: BinaryIO) -> None:
    """Write a PDF of the pages' pictures with text over them. Raises what `paint` raises, or DocumentError."""
    with Pdf.new() as pdf:
        layer, tags = TextLayer(pdf), Tags(pdf)
        for page in document.pages:
            made = new_page(pdf, page_size(page))
            if page.error is None:
                show(pdf, made, paint(page))
                layer.add_tagged(made, page, upright(page_size(page)), tags.page(made))
                turn(made, page)
        layer.close()
        tags.close()
        description = Description.of(document)
        pdf.docinfo["/Producer"] = description.producer
        describe(pdf, description)
        claim(pdf, description)
        save(pdf, file, ObjectStreamMode.generate)


def write_over_original(
    document: Document, original: BinaryIO, frame_of: Callable[[schema.Page], Frame], file: BinaryIO
) -> None:
    """Write the original PDF with the lines added that were read, where it has no text of its own.

    Encryption is not kept: a reader that keeps to its limits would not search the text. Raise DocumentError, or
    whatever pikepdf raises, where qpdf cannot make out what PDFium can.
    """
    with opened(original) as pdf:
        if len(pdf.pages) != len(document.pages):
            raise DocumentError("damaged", f"The PDF has {len(pdf.pages)} pages, or {len(document.pages)}.")
        layer = TextLayer(pdf)
        for original_page, page in zip(pdf.pages, document.pages, strict=True):
            if page.lines and page.text_from == "ocr":
                layer.add(original_page, page, frame_of(page))
                turn(original_page, page)
        layer.close()
        describe(pdf, Description.of(document))
        save(pdf, file, ObjectStreamMode.preserve)
