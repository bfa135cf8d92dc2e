"""What a PDF says of itself: its title, its producer and its dates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from pikepdf import Pdf

from ocrspool.render.xml_escape import allowed
from ocrspool.results.schema import Document


@dataclass(frozen=True, slots=True)
class Description:
    """The title, the producer and the time of a PDF. The time is that of the result, so a repeat is the same."""

    title: str
    producer: str
    made: str
    """RFC 3339, to the second, in UTC."""

    @classmethod
    def of(cls, document: Document) -> Description:
        """Return what is said of the PDF of a document."""
        digits = "".join(filter(str.isdigit, document.run.finished_at))[:14]
        date, time = digits[:8], digits[8:]
        made = f"{date[:4]}-{date[4:6]}-{date[6:]}T{time[:2]}:{time[2:4]}:{time[4:]}Z"
        title = allowed(PurePosixPath(document.source.name).stem)  # the same text stands in XMP, which is XML
        return cls(title, f"ocrspool {document.engine.version}", made)


def describe(pdf: Pdf, description: Description) -> None:
    """Give the PDF a title and dates, where it has none.

    A PDF that has XMP metadata keeps what it has, because the two have to agree, for example in PDF/A.
    """
    if "/Metadata" in pdf.Root:
        return
    info = pdf.docinfo
    made = f"D:{''.join(filter(str.isdigit, description.made))}Z"
    for key, value in (("/Title", description.title), ("/CreationDate", made)):
        if not str(info.get(key, "")):
            info[key] = value
    info["/ModDate"] = made
