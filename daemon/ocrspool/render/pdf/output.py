"""The output "pdf": text over the pages of the original, or over pictures of them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import BinaryIO

from ocrspool.render.page_picture import ShownPages
from ocrspool.render.pdf import writer
from ocrspool.results.schema import Document, Page

_QUALITY = 85
"""Of JPEG pictures."""


def write_pages(document: Document, pages: ShownPages, file: BinaryIO) -> bool:
    """Write the document to `file`: over the original where that is a PDF, else over pictures (see ShownPages)."""
    paint = partial(pages.picture, quality=_QUALITY, as_it_is=True)
    if pages.media_type != "application/pdf":
        writer.write_over_pictures(document, paint, file)
        return True

    def frame(page: Page) -> writer.Frame:
        corner, right, below = pages.corners(page)
        across = (right[0] - corner[0], right[1] - corner[1])
        return writer.Frame(corner, across, (below[0] - corner[0], below[1] - corner[1]))

    left = replace(document, pages=tuple(map(pages.without_own_text, document.pages)))
    try:
        writer.write_over_original(left, pages.file, frame, file)
    except (OSError, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - qpdf and pikepdf raise whatever they like where PDFium can make out the structure
        file.seek(0)
        file.truncate()
        writer.write_over_pictures(document, paint, file)
        return False
    return True
