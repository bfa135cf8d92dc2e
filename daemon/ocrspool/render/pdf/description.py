"""What a PDF says of itself: its title and its dates."""

from __future__ import annotations

from pathlib import PurePosixPath

from pikepdf import Pdf

from ocrspool.results.schema import Document


def describe(pdf: Pdf, document: Document) -> None:
    """Give the PDF a title and dates, where it has none. The dates are those of the result, so a repeat is the same.

    A PDF that has XMP metadata keeps what it has, because the two have to agree, for example in PDF/A.
    """
    if "/Metadata" in pdf.Root:
        return
    info = pdf.docinfo
    made = "D:" + "".join(filter(str.isdigit, document.run.finished_at))[:14] + "Z"
    for key, value in (("/Title", PurePosixPath(document.source.name).stem), ("/CreationDate", made)):
        if not str(info.get(key, "")):
            info[key] = value
    info["/ModDate"] = made
