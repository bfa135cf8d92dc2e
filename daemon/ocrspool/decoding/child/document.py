"""The content of an open descriptor as a document with pages. Every failure is a DocumentError."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from typing import IO, TYPE_CHECKING, Any, Protocol

from ocrspool.decoding.child import verdicts
from ocrspool.decoding.child.image.pages import ImagePages
from ocrspool.decoding.child.media_type import HEAD_BYTES, NAMES, media_type
from ocrspool.decoding.child.page import warning_as_json
from ocrspool.decoding.child.pdf.pages import PdfPages
from ocrspool.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ocrspool.decoding.child.page import PageLimits
    from ocrspool.pages import EmbeddedText, Notice, PageImage, Point, TextLine, WordMode

_OF_THE_DISK = frozenset({
    errno.EIO, errno.EREMOTEIO,  # a sector, a cable, a server that gave up
    errno.ESTALE,  # a network filesystem whose server no longer knows the file, or was started again
    errno.EACCES,  # a share that refuses to read what it has opened
    errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH,  # server
})  # fmt: skip
"""Errors of reading an open file that have nothing to do with its content."""
_PIECE = 1 << 20
_READERS = {"application/pdf": PdfPages}
"""What is no image."""


class Pages(Protocol):
    """What `image` and `pdf` provide: the pages of one open file."""

    count: int
    remarks: tuple[Notice, ...]

    def page(self, index: int) -> tuple[PageImage, tuple[Notice, ...]]:
        """Decode one page."""

    def close(self) -> None:
        """Free what the document holds."""


class Document:
    """One open document; owns the descriptor that it was made of."""

    def __init__(self, descriptor: int, limits: PageLimits) -> None:
        with contextlib.ExitStack() as opened:
            opened.callback(os.close, descriptor)
            with reading():
                self.size = _regular_size(descriptor)
                self.file = file = opened.enter_context(open(descriptor, "rb", closefd=False))
                self.media_type = media_type(os.pread(descriptor, HEAD_BYTES, 0))
                # Before a library sees it: what a library makes of a disk that fails looks like a damaged file.
                self.sha256 = _sha256(file)
            reader: Callable[[IO[bytes], str, PageLimits], Pages] = _READERS.get(self.media_type, ImagePages)
            with _blame(self.media_type):
                self._pages = opened.enter_context(contextlib.closing(reader(file, self.media_type, limits)))
                _check_count(self._pages.count, limits.pages, self.media_type)
            self._with_text = self._pages if isinstance(self._pages, PdfPages) else None
            """Pages that have text and coordinates of their own."""
            self._opened = opened.pop_all()

    @property
    def page_count(self) -> int:
        """Return how many pages can be asked for."""
        return self._pages.count

    def page(self, index: int) -> tuple[PageImage, tuple[Notice, ...]]:
        """Decode one page, counted from 0; the memory file in it is the caller's to close."""
        with _blame(self.media_type, index + 1):
            return self._pages.page(index)

    @property
    def hidden_lines(self) -> tuple[TextLine, ...]:
        """Return what the page that was decoded last holds and may not show: values of fields, comments."""
        return self._with_text.hidden_lines if self._with_text else ()

    def own_text(self, index: int, words: WordMode = "words") -> tuple[EmbeddedText, tuple[Notice, ...]] | None:
        """Return the text that a page brings along, and what is to be said; None where it brings none."""
        if self._with_text is None:
            return None
        with _blame(self.media_type, index + 1):
            found, remarks = self._with_text.own_text(index, words)
        return (found, remarks) if found.lines else None

    def own_characters(self, index: int) -> list[tuple[str, float, float]]:
        """Return the characters that a page has as text, each with its middle in shares of the sides."""
        if self._with_text is None:
            return []
        with _blame(self.media_type, index + 1):
            return self._with_text.own_characters(index)

    def frame(self, index: int) -> tuple[Point, Point, Point]:
        """Return top left, top right and bottom left of a PDF page in its own coordinates."""
        if self._with_text is None:
            raise TypeError(f"{self.media_type} has no coordinates of its own")
        with _blame(self.media_type, index + 1):
            return self._with_text.frame(index)

    def as_document_error(self) -> contextlib.AbstractContextManager[None]:
        """Return a context in which whatever a library raises is the document's error."""
        return _blame(self.media_type)

    def close(self) -> None:
        """Free everything that the document holds, and close its descriptor."""
        self._opened.close()

    def as_json(self) -> dict[str, Any]:
        """Return what the protocol says about an open document."""
        return {
            "media_type": self.media_type,
            "pages": self.page_count,
            "size": self.size,
            "sha256": self.sha256,
            "warnings": [warning_as_json(remark) for remark in self._pages.remarks],
        }


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Turn what a disk or a share raises when the file is read into a DocumentError of kind "io"."""
    try:
        yield
    except OSError as error:
        if error.errno not in _OF_THE_DISK:
            raise
        raise _unread(error) from error


@contextlib.contextmanager
def _blame(kind: str, page: int | None = None) -> Iterator[None]:
    """Turn whatever a library raises on a document into the document's error.

    The libraries are in order afterwards: they raise from code that has given up on this document, and what
    they held of it is freed with it. So the process goes on with the next one.

    Not so where the sandbox refused to open a path: that a library wants a file which is not known of is our mistake,
    and ends the process. (Reading an open file may be refused too, by a network share.)
    """
    try:
        yield
    except DocumentError as error:
        error.page = error.page or page
        raise
    except PermissionError as error:
        if error.filename is not None:
            raise
        raise _damaged(error, kind, page) from error
    except MemoryError as error:
        raise _out_of_memory(kind, page) from error
    except Exception as error:  # codecs raise whatever they like: SyntaxError, struct.error, KeyError, RuntimeError
        raise _damaged(error, kind, page) from error


def _damaged(error: Exception, kind: str, page: int | None) -> DocumentError:
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.ENOMEM:
        return _out_of_memory(kind, page)
    if isinstance(error, OSError) and code in _OF_THE_DISK:
        return _unread(error, page)
    found = verdicts.verdict(str(error), kind)
    found.page = page
    return found


def _unread(error: OSError, page: int | None = None) -> DocumentError:
    return DocumentError("io", f"Reading the file failed: {error}.", "Check the disk or the network share.", page=page)


def _out_of_memory(kind: str, page: int | None) -> DocumentError:
    found = verdicts.out_of_memory(kind)
    found.page = page
    return found


def _check_count(count: int, most: int, kind: str) -> None:
    if count < 1:
        raise DocumentError("empty-document", f"The {NAMES[kind]} has no pages.", verdicts.SEND_AGAIN)
    if count > most:
        # A TIFF image is not counted to its end, so no number is told.
        raise DocumentError(
            "too-many-pages",
            f"The {NAMES[kind]} has more than {most} pages, the limit.",
            "Split it, or raise the limit for pages in the configuration.",
        )


def _regular_size(descriptor: int) -> int:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise DocumentError("unsupported", "This is no regular file.", "Only regular files are read.")
    return status.st_size


def _sha256(file: IO[bytes]) -> str:
    digest = hashlib.sha256()  # hashlib.file_digest is new in Python 3.11
    file.seek(0)
    while piece := file.read(_PIECE):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()
