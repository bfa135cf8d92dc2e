"""What the pipeline asks of decoders. `pool.py` answers with processes, `stub.py` with pages that were prepared."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ocrspool.errors import EngineError
from ocrspool.pages import EmbeddedText, Notice, PageImage, Recognized, TextLine, WordMode

if TYPE_CHECKING:
    from ocrspool.config.schema import Profile  # an assembler needs no configuration


class DecoderDiedError(EngineError):
    """A decoder died while it had this file. The file, or this page (from 1), may be the cause, so it is counted."""

    def __init__(self, message: str, page: int | None = None) -> None:
        super().__init__(message)
        self.page = page


class SourceReadError(OSError):
    """The file could not be read to its end: the fault of its disk or share, which may pass, and not of the file."""


class DecodersClosedError(DecoderDiedError):
    """The service is stopping: no decoder is started any more."""


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """What a file turned out to be."""

    media_type: str
    pages: int
    size: int
    sha256: str
    warnings: tuple[Notice, ...]
    decode_seconds: float | None = None
    """What decoding took, where it was done elsewhere; None: it is done here, by whoever asks."""


@dataclass(frozen=True, slots=True)
class DecodedPage:
    """A page that was decoded."""

    image: PageImage
    """Its memory file belongs to whoever gets the page."""
    warnings: tuple[Notice, ...] = ()
    hidden: tuple[TextLine, ...] = ()
    """Text that the page holds and may not show: values of form fields, comments."""
    reading: Future[Recognized] | None = None
    """The text, where whoever has decoded the page has it read too. Then the image has no memory file: its `fd` is
    -1. None: the caller has the page read. The future raises what that of PageRecognizer.submit raises."""


class Decoder(Protocol):
    """Opens one file at a time."""

    def open(
        self, source: Path, profile: Profile, *, whole: bool = True, may_grow: bool = False, may_read: bool = False
    ) -> DocumentInfo:
        """Open a file. Raise DocumentError, SourceReadError, or EngineError: a decoder or a worker died.

        Pages that are larger or longer than a sheet keep their pixels, unless `whole` is false. With `may_grow` a file
        that ends too early is refused as "incomplete": somebody may still be writing to it. With `may_read` the pages
        may be read where they are decoded, beside others (`DecodedPage.reading`).
        """

    def page(self, index: int) -> DecodedPage:
        """Return a page of the open file, counted from 0. Raise as `open` does."""

    def own_text(self, index: int, words: WordMode = "words") -> tuple[EmbeddedText, tuple[Notice, ...]] | None:
        """Return the text that a page brings along, and warnings; None where it brings none. Raise as `open` does."""

    def view(self, view: str, result: int, target: int) -> bool:
        """Write an output that shows the pages of the open file. Raise as `open` does, and OSError on a full disk.

        The result is read from one descriptor, and the output is written to another. Both stay open. Return False
        where the pages of a PDF could not be kept, so that the output shows pictures of them.
        """


class DecoderPool(Protocol):
    """Decoders that several threads share."""

    def start(self) -> None:
        """Start the decoders now rather than with the first files."""

    def take(self, inbox: str = "", hangs: Callable[[], bool] = lambda: False) -> AbstractContextManager[Decoder]:
        """Wait for a free decoder and have it for a while, for a file of this inbox.

        Raise OSError where the disk of that inbox does not answer: a decoder would not come back soon.
        """

    def replace_those_of(self, inbox: str) -> None:
        """Let others serve in place of those that this inbox has: its disk does not answer, so they may not return."""

    def close(self) -> None:
        """End all decoders. The threads that use them get DecoderDiedError."""
