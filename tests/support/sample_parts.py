"""A document of pages of every kind, as the pipeline hands it to an assembler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ocrspool.decoding.api import DocumentInfo
from ocrspool.errors import DocumentError
from ocrspool.pages import EmbeddedText, EncodedText, Notice, PageImage, PageText, Polygon, Recognized, TextLine, Word
from ocrspool.pipeline.assemble import LostPage
from ocrspool.pipeline.assembler import AnyPage, FoundPage, Parts
from ocrspool.recognition.page_json import body_of
from ocrspool.results.schema import Run

FACTS = {
    "runtime": "openvino", "runtime_version": "2025.4", "device": "gpu", "precision": "f32",
    "fingerprint": "0123456789abcdef", "seconds": {"load": 1.0}, "identity": {"cpu": "any"},
    "models": [{"role": "recognition", "name": "rec", "sha256": "0" * 64, "reader": "default", "languages": ["Latin"]}],
}  # fmt: skip
OTHER_FACTS = {**FACTS, "fingerprint": "f" * 16, "runtime_version": "2026.0"}
RUN = Run("j1", "host", 1, "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.000Z", {"decode": 0.5})
EVERY_TEXT = ("txt", "md", "csv", "tsv", "hocr", "alto")


def parts(encoded: Callable[[PageText], Recognized] = lambda text: text) -> Parts:
    """Return a document. `encoded` says how the text of each page that was read has come."""
    rows = [_line(f"{name} of the harbour", 40 + 30 * row) for row, name in enumerate(("Plan", "Map", "View"))]
    read = PageText(
        (*rows, _line("Préis 1,25 €", 200, reader="tiny")),
        90,
        {"detect": 0.1},
        (Notice("some-lines-unsure", "Two lines are unsure.", None, lines=(0, 2)),),
        FACTS,
        "gpu:0",
        rules=(((0.0, 30.5), (400.0, 30.5)),),
        finder="tiny",
    )
    at_host = replace(read, engine=OTHER_FACTS, host="gpu1", device="gpu:1", rotation=0)
    own = EmbeddedText(4, 400, 500, 100.0, (_line("its own text", 50, reader=""),), "", ("Times",), read.rules)
    doubted = replace(own, number=5, doubt="letters")
    blank = PageText((), 0, {"detect": 0.1}, (Notice("no-text-found", "Nothing.", None),), FACTS, "gpu:0")
    pages: list[AnyPage] = [
        FoundPage(_image(1), encoded(read)),
        FoundPage(_image(2), at_host),
        LostPage(3, DocumentError("damaged", "it is damaged", "scan it again", page=3)),
        own,
        FoundPage(_image(5), encoded(blank)),
        FoundPage(_image(6), encoded(blank)),
    ]
    found = Notice("reduced", "It is reduced.", 1)
    opened = DocumentInfo("application/pdf", len(pages), 1234, "f" * 64, (found,))
    hidden = {6: (_line("a field", 60, reader=""),)}
    return Parts("sub/\udcff.pdf", "scans", opened, pages, [found], RUN, {5: doubted}, hidden, (*EVERY_TEXT, "html"))


def as_written(text: PageText) -> EncodedText:
    """Return the text of a page as its worker has written it."""
    return EncodedText(body_of(text), text.seconds, text.engine, text.device)


def _image(number: int) -> PageImage:
    return PageImage(number, 400, 500, 1, 800, 1000, 200.0, fd=-1)


def _line(text: str, top: float, reader: str = "default") -> TextLine:
    words = tuple(Word(word, 0.75, _box(10.125 + 60 * at, top, 50)) for at, word in enumerate(text.split()))
    return TextLine(text, 0.9, _box(10.1, top, 300), 0.8, words, 11.5, 0.25, reader)


def _box(left: float, top: float, width: float) -> Polygon:
    return (left, top), (left + width, top + 0.3), (left + width, top + 20.0), (left, top + 20.0)
