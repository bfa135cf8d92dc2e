"""What follows reading: the pages of a document become a draft of its result.

An assembler reads what workers have written, chooses between a PDF's own text and what was read, finds the blocks, and
renders the pages and the outputs of text. `InProcess` does so in the service. `assembling/pool.py` lets other processes
do it, because one process of Python runs on one processor: with a GPU, that is too few.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ocrspool.decoding.api import DocumentInfo
from ocrspool.errors import DocumentError
from ocrspool.files import names
from ocrspool.pages import EmbeddedText, Notice, PageImage, Recognized, TextLine
from ocrspool.pipeline.assemble import LostPage, Reading, ReadPage, build
from ocrspool.pipeline.draft import DocumentFacts, Draft, TextOutput
from ocrspool.pipeline.embedded_text import settled
from ocrspool.recognition.page_json import decoded
from ocrspool.render import json
from ocrspool.results.formats import FORMATS
from ocrspool.results.schema import Document, Engine, Run


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page as a worker has answered it."""

    image: PageImage
    text: Recognized


AnyPage = FoundPage | EmbeddedText | LostPage


@dataclass(frozen=True, slots=True)
class Parts:
    """All that the result of one file is made of."""

    name: str
    """Relative to its inbox, with surrogate escapes."""
    inbox: str
    opened: DocumentInfo
    pages: Sequence[AnyPage]
    warnings: Sequence[Notice]
    run: Run
    own: Mapping[int, EmbeddedText] = field(default_factory=dict)
    """By page: the text that a page which was read brings along."""
    hidden: Mapping[int, tuple[TextLine, ...]] = field(default_factory=dict)
    """By page: text that it holds and perhaps does not show."""
    outputs: Collection[str] = ()
    """The names of all outputs that are wanted. Those that show pages are not made here."""


class Assembler(Protocol):
    """Makes drafts. Any thread may call it."""

    def start(self) -> None:
        """Start the processes that it has. Raise EngineError."""

    def draft(self, engine: Engine, parts: Parts) -> Draft:
        """Return the draft of a document. Raise EngineError where it may be tried again.

        The `engine` is named in the result where no engine has read a page.
        """

    def close(self) -> None:
        """End the processes that it has. The threads that use them get EngineError."""


class InProcess:
    """Assembles documents in the process of its caller."""

    def start(self) -> None:
        """Do nothing."""

    def draft(self, engine: Engine, parts: Parts) -> Draft:
        """Return the draft of a document. Raise UnreadableBodyError."""
        return draft_of(engine, parts)

    def close(self) -> None:
        """Do nothing."""


def draft_of(engine: Engine, parts: Parts) -> Draft:
    """Return the draft of a document. Raise UnreadableBodyError (an EngineError) for what no worker should write."""
    pages = [ReadPage(page.image, decoded(page.text)) if isinstance(page, FoundPage) else page for page in parts.pages]
    chosen, warnings = settled(pages, parts.own, parts.hidden)
    reading = Reading(parts.name, parts.inbox, parts.opened, chosen, [*parts.warnings, *warnings])
    began = time.monotonic()
    document = build(reading, engine, parts.run)
    seconds = {**parts.run.seconds, "blocks": round(time.monotonic() - began, 4)}
    return drafted(replace(document, run=replace(document.run, seconds=seconds)), parts.outputs)


def drafted(document: Document, outputs: Collection[str]) -> Draft:
    """Return the draft of a document, with those of the outputs that are text."""
    wanted = [each for each in FORMATS if each.name in outputs and not each.needs_pages]
    return Draft(
        path=document.source.path,
        inbox=document.source.inbox,
        sha256=document.source.sha256,
        facts=_facts(document),
        beginning=json.beginning(document),
        texts={output.name: _text_output(output.module().render, document) for output in wanted},
        warnings=document.warnings,
        run=document.run,
    )


def path_of(parts: Parts) -> str:
    """Return the path of a source as its result has it."""
    path: str = names.to_json(parts.name)["path"]
    return path


def seconds_of(page: AnyPage) -> Mapping[str, float]:
    """Return how long each stage of reading a page took."""
    return page.text.seconds if isinstance(page, FoundPage) else {}


def _text_output(render: Renderer, document: Document) -> TextOutput:
    began = time.monotonic()
    made: bytes | DocumentError
    try:
        made = render(document)
    except DocumentError as error:
        made = error
    return TextOutput(made, round(time.monotonic() - began, 4))


class Renderer(Protocol):
    """What `render` of a text output is."""

    def __call__(self, document: Document) -> bytes:
        """Return the output. Raise DocumentError where the document has nothing for it."""


def _facts(document: Document) -> DocumentFacts:
    return DocumentFacts(
        status=document.status,
        pages=len(document.pages),
        lost=sum(page.status == "failed" for page in document.pages),
        lines=sum(len(page.lines) for page in document.pages),
        readers=dict(Counter(line.reader for page in document.pages for line in page.lines if line.reader)),
    )
