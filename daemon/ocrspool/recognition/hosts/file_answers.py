"""What a host says of a file that it has decoded and read itself: our values and errors as JSON, and back.

Both ends use this module. As in answers.py, what a host says is checked: ValueError is raised for what no sound host
says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import TypeAdapter

from ocrspool.decoding.api import DocumentInfo
from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import EncodedText, Notice, PageImage, TextLine
from ocrspool.recognition.hosts.answers import check_text, outcome_of, outcome_to_json, said_in

NO_PIXELS = -1
"""The descriptor of a page image whose pixels are at a host."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A DocumentError or an EngineError, as a value."""

    fate: Literal["document", "engine"]
    message: str
    hint: str = ""
    kind: str = ""
    stage: str = ""
    page: int | None = None

    @classmethod
    def of(cls, error: DocumentError | EngineError) -> Fault:
        """Return an error as a value."""
        if isinstance(error, DocumentError):
            return cls("document", error.message, error.hint, error.kind, error.stage, error.page)
        return cls("engine", error.message, error.hint)

    def error(self) -> DocumentError | EngineError:
        """Return the error that this value is of."""
        if self.fate == "document":
            return DocumentError(self.kind, self.message, self.hint, stage=self.stage, page=self.page)
        return EngineError(self.message, self.hint)


@dataclass(frozen=True, slots=True)
class FilePage:
    """One page of a file. It has an image and either its text or why it cannot be read; or no image, and a fault."""

    image: PageImage | None = None
    """Its pixels are at the host; see NO_PIXELS."""
    warnings: tuple[Notice, ...] = ()
    hidden: tuple[TextLine, ...] = ()
    text: EncodedText | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class FileRead:
    """A file that a host has opened, and those of its pages that were asked for."""

    document: DocumentInfo
    first: int
    """The index of the first page that was asked for."""
    pages: tuple[FilePage, ...]
    """Fewer than were asked for, where a decoder or a worker has died of one."""
    death: str = ""
    """How a decoder of the host died at the page after these."""
    wait_seconds: float = 0.0
    """How long the file waited for a decoder."""
    decode_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class DecoderDeath:
    """A decoder of the host has died when it opened the file."""

    message: str


FileOutcome = FileRead | DecoderDeath | DocumentError | EngineError
"""What became of a file."""


def with_host(outcome: FileOutcome, host: str) -> FileOutcome:
    """Return an outcome that says which host it is of."""
    if isinstance(outcome, EngineError):
        return EngineError(f"{host}: {outcome.message}", outcome.hint)
    if isinstance(outcome, DecoderDeath):
        return DecoderDeath(f"{host}: {outcome.message}")
    if isinstance(outcome, DocumentError):
        return outcome
    death = f"{host}: {outcome.death}" if outcome.death else ""
    return replace(outcome, death=death, pages=tuple(_of_host(page, host) for page in outcome.pages))


def _of_host(page: FilePage, host: str) -> FilePage:
    if page.text is not None:
        return replace(page, text=replace(page.text, host=host))
    if page.fault is not None and page.fault.fate == "engine":
        return replace(page, fault=replace(page.fault, message=f"{host}: {page.fault.message}"))
    return page


_FILE = TypeAdapter(FileRead)


def file_outcome_to_json(outcome: FileOutcome) -> str:
    """Return what became of a file as text."""
    if isinstance(outcome, FileRead):
        return f'{{"file":{_FILE.dump_json(outcome).decode()}}}'
    if isinstance(outcome, DecoderDeath):
        return json.dumps({"death": outcome.message})
    return outcome_to_json(outcome)


def file_outcome_from_json(text: str) -> FileOutcome:
    """Return what became of a file at a host. The texts of its pages are not looked into."""
    return said_in(text, _outcome_of)


def _outcome_of(said: Any) -> FileOutcome:  # noqa: ANN401 - whatever a host says
    if "file" in said:
        found = _FILE.validate_python(said["file"])
        _check(found)
        return found
    if "death" in said:
        return DecoderDeath(str(said["death"]))
    outcome = outcome_of(said)
    if isinstance(outcome, EncodedText):
        raise ValueError("the text of a page, where a file was asked for")  # noqa: TRY004 - see the module
    return outcome


def check_file_outcome(text: str) -> None:
    """Raise ValueError where a host did not say what became of a file."""
    outcome = file_outcome_from_json(text)
    for page in outcome.pages if isinstance(outcome, FileRead) else ():
        if page.text is not None:
            check_text(page.text)


def _check(found: FileRead) -> None:
    """Raise ValueError for pages that are not those of the file."""
    if found.first < 0 or found.document.pages < 1 or found.first + len(found.pages) > found.document.pages:
        raise ValueError("pages that the file does not have")
    for number, page in enumerate(found.pages, found.first + 1):
        if (page.text is None) == (page.fault is None) or (page.image is None and page.text is not None):
            raise ValueError("a page that is neither read nor lost")
        if page.image is not None and (page.image.number != number or page.image.fd != NO_PIXELS):
            raise ValueError("another page than the one asked for")
