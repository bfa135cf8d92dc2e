"""What a decoder may answer, and what the answer means.

A document may have taken over its decoder, so nothing is believed without a check. Every function raises ValueError
for an answer that a sound decoder never gives. An answer that passes may be wrong, but it has the right kind and size.
"""

from __future__ import annotations

import fcntl
import os
import resource
import stat
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ocrspool.decoding.api import DecodedPage
from ocrspool.errors import DocumentError
from ocrspool.pages import EmbeddedText, Notice, PageImage, Polygon, TextLine, Word
from ocrspool.processes.channel import Message

MOST_BYTES = 1 << 20
"""The largest message: far more than any that makes sense."""

_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_Text = Annotated[str, Field(max_length=4000)]
_Word = Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,39}$")]
_Number = Annotated[int, Field(ge=1, lt=1 << 31)]
_Point = Annotated[list[Annotated[float, Field(gt=-1e7, lt=1e7)]], Field(min_length=2, max_length=2)]


Written = Literal["whole", "as pictures", "full"]
"""What became of a view: "as pictures" where the pages of a PDF could not be kept, "full" where there was no room."""
_WRITTEN: dict[Written, Message] = {
    "whole": {"written": True, "kept": True},
    "as pictures": {"written": True, "kept": False},
    "full": {"full": True},
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class _Warning(_Part):
    code: _Word
    message: _Text
    page: _Number | None = None


class Found(_Part):
    """What a file turned out to be."""

    media_type: Annotated[str, Field(pattern=r"^[a-z]{1,40}/[a-z.+-]{1,60}$")]
    pages: _Number
    size: Annotated[int, Field(ge=0, lt=1 << 63)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    warnings: Annotated[list[_Warning], Field(max_length=20)]


class _Page(_Part):
    number: _Number
    width: _Number
    height: _Number
    channels: Literal[1, 3]
    source_width: _Number
    source_height: _Number
    dpi: Annotated[float, Field(gt=0, lt=1e6)] | None
    warnings: Annotated[list[_Warning], Field(max_length=20)]
    hidden: list[_Line]


class _OwnWord(_Part):
    text: Annotated[str, Field(pattern=r"^\S+$")]
    confidence: Literal[1]
    polygon: Annotated[list[_Point], Field(min_length=4, max_length=4)]


class _Line(_Part):
    text: Annotated[str, Field(pattern=r"^[^\x00\n\r\f]+$")]
    confidence: Literal[1]
    words: list[_OwnWord]
    polygon: Annotated[list[_Point], Field(min_length=4, max_length=4)]
    detection_confidence: Literal[1]
    letter_height: Annotated[float, Field(gt=0, lt=1e6)] | None = None
    stroke: Annotated[float, Field(gt=0, lt=100)] | None = None
    reader: Literal[""] = ""


class _OwnText(_Part):
    number: _Number
    width: _Number
    height: _Number
    dpi: Annotated[float, Field(gt=0, lt=1e6)]
    lines: Annotated[list[_Line], Field(min_length=1)]
    doubt: Literal["", "letters", "invisible", "ink", "annotations"]
    fonts: list[Annotated[str, Field(max_length=200)]]
    rules: Annotated[list[Annotated[list[_Point], Field(min_length=2, max_length=2)]], Field(max_length=2000)]
    warnings: Annotated[list[_Warning], Field(max_length=20)]


class _Refusal(_Part):
    kind: _Word
    message: _Text
    hint: _Text
    stage: Literal["decode"]
    page: _Number | None


def refusal(answer: Message) -> DocumentError | None:
    """Return why the decoder refuses the file or the page, if it does."""
    if "error" not in answer:
        return None
    reason = _Refusal.model_validate(answer["error"])
    return DocumentError(reason.kind, reason.message, reason.hint, stage=reason.stage, page=reason.page)


def document(answer: Message, descriptors: list[int], most_pages: int) -> Found:
    """Return what the decoder says of the file that it opened."""
    found = Found.model_validate(answer.get("document"))
    if found.pages > most_pages or descriptors:
        raise ValueError("more pages than it may have, or something beside the answer")
    return found


def page(answer: Message, descriptors: list[int], number: int, most_bytes: int) -> DecodedPage:
    """Return the page image, with its pixels in the one descriptor, and what goes with it."""
    found = _Page.model_validate(answer.get("page"))
    size = (found.width, found.height, found.channels)
    if found.number != number or _exceed(*size, most_bytes) or len(descriptors) != 1:
        raise ValueError("another page than the one asked for")
    _check_pixels(descriptors[0], found.width * found.height * found.channels)
    facts = found.model_dump(exclude={"warnings", "hidden"})
    return DecodedPage(PageImage(**facts, fd=descriptors[0]), warnings_of(found.warnings), _text_lines(found.hidden))


def own_text(
    answer: Message, descriptors: list[int], number: int, most_bytes: int
) -> tuple[EmbeddedText, tuple[Notice, ...]] | None:
    """Return the text that a page brings along, if it brings any, and warnings."""
    if answer.get("own_text", "") is None and not descriptors:
        return None
    found = _OwnText.model_validate(answer.get("own_text"))
    if found.number != number or _exceed(found.width, found.height, 3, most_bytes) or descriptors:
        raise ValueError("another page than the one asked for")
    lines, fonts = _text_lines(found.lines), tuple(found.fonts)
    rules = tuple(((x1, y1), (x2, y2)) for (x1, y1), (x2, y2) in found.rules)
    own = EmbeddedText(found.number, found.width, found.height, found.dpi, lines, found.doubt, fonts, rules)
    return own, warnings_of(found.warnings)


def written(answer: Message, descriptors: list[int]) -> Written:
    """Return how a view has been written, if it has."""
    found = next((how for how, said in _WRITTEN.items() if answer == said), None)
    if descriptors or found is None:
        raise ValueError("neither written nor not")
    return found


def warnings_of(found: list[_Warning]) -> tuple[Notice, ...]:
    """Return the warnings of an answer as the values that reach the result."""
    return tuple(Notice(each.code, each.message, each.page) for each in found)


def _text_lines(found: list[_Line]) -> tuple[TextLine, ...]:
    return tuple(
        TextLine(
            *(line.text, line.confidence, _corners(line.polygon), line.confidence),
            tuple(Word(word.text, word.confidence, _corners(word.polygon)) for word in line.words),
            *(line.letter_height, line.stroke),
        )
        for line in found
    )


def _corners(polygon: list[list[float]]) -> Polygon:
    one, two, three, four = ((x, y) for x, y in polygon)
    return one, two, three, four


def _exceed(width: int, height: int, channels: int, most_bytes: int) -> bool:
    """Tell whether a page has more pixels than it may; PDFium's caller rounds both sides up to whole ones."""
    return (width - 1) * (height - 1) * channels > most_bytes


def _check_pixels(descriptor: int, size: int) -> None:
    """Raise ValueError unless this is a memory file of this size that nobody can change any more."""
    status = os.fstat(descriptor)
    try:
        seals = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
    except OSError as error:
        raise ValueError("no memory file") from error
    if not stat.S_ISREG(status.st_mode) or status.st_size != size or seals & _SEALS != _SEALS:
        raise ValueError("a memory file of another size, or one that can change")
    # Huge pages (MFD_HUGETLB) come from a pool of the machine: where that is empty, a worker could not map the file.
    if os.fstatvfs(descriptor).f_bsize != resource.getpagesize():
        raise ValueError("a memory file of huge pages")
