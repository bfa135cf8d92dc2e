"""A DecoderPool of prepared documents: no process, no file that is opened. For tests, and for trying out a pipeline."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ocrspool.config.schema import Profile
from ocrspool.decoding.api import DecodedPage, Decoder, DecodersClosedError, DocumentInfo
from ocrspool.pages import EmbeddedText, Notice, PageImage, TextLine, WordMode


@dataclass(slots=True)
class PreparedPage:
    """One page of a prepared document."""

    width: int = 40
    height: int = 20
    errors: list[Exception] = field(default_factory=list)
    """They are raised first, one each time that the page is asked for."""
    own_text: EmbeddedText | None = None
    warnings: tuple[Notice, ...] = ()
    hidden: tuple[TextLine, ...] = ()


@dataclass(slots=True)
class PreparedDocument:
    """What a file turns out to be."""

    pages: list[PreparedPage] = field(default_factory=lambda: [PreparedPage()])
    media_type: str = "image/png"
    sha256: str = "0" * 64
    errors: list[Exception] = field(default_factory=list)
    """They are raised first, one each time that the file is opened."""
    view_errors: list[Exception] = field(default_factory=list)
    """The same for outputs that show pages."""
    keeps_pages: bool = True
    """What `view` returns."""
    warnings: tuple[Notice, ...] = ()


class StubDecoder:
    """A decoder that answers from what was prepared."""

    def __init__(self, document_of: Callable[[Path], PreparedDocument]) -> None:
        self._document_of = document_of
        self._document = PreparedDocument()

    def open(
        self,
        source: Path,
        profile: Profile,  # noqa: ARG002 - it does not matter here, as what follows
        *,
        whole: bool = True,  # noqa: ARG002
        may_grow: bool = False,  # noqa: ARG002
        may_read: bool = False,  # noqa: ARG002
    ) -> DocumentInfo:
        """Open the prepared document of this name, or raise its next error."""
        self._document = document = self._document_of(source)
        _raise_next(document.errors)
        return DocumentInfo(document.media_type, len(document.pages), 1, document.sha256, document.warnings)

    def page(self, index: int) -> DecodedPage:
        """Return a black page, or raise its next error."""
        page = self._document.pages[index]
        _raise_next(page.errors)
        descriptor = os.memfd_create("page", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, page.width * page.height)
        size = (page.width, page.height, 1, page.width, page.height)
        return DecodedPage(PageImage(index + 1, *size, None, descriptor), page.warnings, page.hidden)

    def own_text(
        self,
        index: int,
        words: WordMode = "words",  # noqa: ARG002
    ) -> tuple[EmbeddedText, tuple[Notice, ...]] | None:
        """Return the prepared text of a page."""
        own = self._document.pages[index].own_text
        return None if own is None else (own, ())

    def view(self, view: str, result: int, target: int) -> bool:
        """Write the name of the output and the result, or raise the next error."""
        _raise_next(self._document.view_errors)
        os.write(target, view.encode() + b" of " + os.pread(result, os.fstat(result).st_size, 0))
        return self._document.keeps_pages


class StubDecoderPool:
    """A DecoderPool (api.py) whose decoders never wait and never die by themselves."""

    def __init__(self, document_of: Callable[[Path], PreparedDocument]) -> None:
        """`document_of` returns the document of a file, by its path."""
        self._document_of = document_of
        self._closed = threading.Event()
        self.taken: list[str] = []
        """The inbox of each job that has had a decoder."""
        self.replaced: list[str] = []
        """The inboxes whose decoders were replaced."""

    def start(self) -> None:
        """Do nothing: there are no processes."""

    @contextmanager
    def take(self, inbox: str = "", hangs: Callable[[], bool] = lambda: False) -> Iterator[Decoder]:
        """Have a decoder for a while. Raise OSError where the disk does not answer."""
        if self._closed.is_set():
            raise DecodersClosedError("the decoders are closed")
        if hangs():
            raise OSError(errno.ETIMEDOUT, "the disk does not answer")
        self.taken.append(inbox)
        yield StubDecoder(self._document_of)

    def replace_those_of(self, inbox: str) -> None:
        """Take note of it."""
        self.replaced.append(inbox)

    def close(self) -> None:
        """Refuse decoders from now on."""
        self._closed.set()


def _raise_next(errors: list[Exception]) -> None:
    if errors:
        raise errors.pop(0)
