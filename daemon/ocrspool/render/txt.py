"""Plain text: lines in reading order, with a form feed between pages, as printers and `pdftotext` have it."""

from __future__ import annotations

from ocrspool.results.schema import Document


def render(document: Document) -> bytes:
    """Return the document's text as UTF-8, ending in a line feed."""
    return f"{document.text}\n".encode()
