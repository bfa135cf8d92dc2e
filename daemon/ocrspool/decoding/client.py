"""One decoder as the service sees it: a child process that opens one file at a time, under limits.

A decoder that dies or hangs costs only its answer. It gets an open descriptor, never a path.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Profile
from ocrspool.config.sections import Limits
from ocrspool.decoding import protocol
from ocrspool.decoding.api import (
    DecodedPage,
    DecoderDiedError,
    DecodersClosedError,
    DocumentInfo,
    SourceReadError,
)
from ocrspool.decoding.source_file import OpenSource, check_readable, open_source
from ocrspool.errors import DocumentError
from ocrspool.pages import EmbeddedText, Notice, WordMode
from ocrspool.processes.channel import Message
from ocrspool.processes.child import Child, ChildDiedError
from ocrspool.processes.environment import of_decoders
from ocrspool.processes.starting import Start, directly

_Answer = TypeVar("_Answer")

_START_SECONDS = 60.0
"""How long a start may take. Importing takes part of a second, and longer on a busy machine."""
_DOCUMENTS_EACH = 500
"""A decoder is replaced after so many documents. That costs 0.1 s and ends whatever a library leaks."""


class DecoderClient:
    """One decoder process. It is replaced after its death, and after a number of documents."""

    def __init__(self, live: CurrentConfig, start: Start = directly, opened: OpenSource = open_source) -> None:
        """`start` starts its process, `opened` opens its files."""
        self._live = live
        self._start = start
        self._opened = opened
        self._child: Child | None = None
        self._source: tuple[Path, Profile, bool] | None = None
        self._documents = 0
        self._pages = 0
        self._memory_mb = 0
        self._makes_pdf = False
        self._needs_qpdf = False
        self._closed = False
        self.lacking: tuple[str, ...] = ()
        """What this machine cannot forbid the process, in words."""

    def start(self) -> Child:
        """Return the process, started where there is none. Raise DecoderDiedError when it cannot be."""
        if self._closed:
            raise DecodersClosedError("the decoders are closed")
        if self._child is None:
            environment = of_decoders(os.environ, self._live.config.paths.cache)
            self._child = child = Child("ocrspool.decoding.child", environment, protocol.MOST_BYTES, start=self._start)
            self._memory_mb = self._limits.decoder_memory_mb
            self._makes_pdf = self._needs_qpdf or self._live.config.wants("pdf")
            self._documents = 0
            # The limit on processor time holds even while this service is stopped or stuck.
            limits = {"memory_mb": self._memory_mb, "cpu_seconds": int(self._patience) + 1, "pdf": self._makes_pdf}
            try:
                answer, _ = child.ask({"op": "limits", **limits}, seconds=_START_SECONDS)
            except ChildDiedError as error:
                self._child = None
                raise DecoderDiedError(f"a decoder {error} at its start") from error
            self.lacking = tuple(answer["missing"])
            return child
        return self._child

    def open(
        self,
        source: Path,
        profile: Profile,
        *,
        whole: bool = True,
        may_grow: bool = False,
        may_read: bool = False,  # noqa: ARG002 - it makes images, and reads none
    ) -> DocumentInfo:
        """Give it a file. Raise DocumentError, DecoderDiedError, or SourceReadError.

        Pages that are larger or longer than a sheet keep their pixels, unless `whole` is false. With `may_grow` a file
        that ends too early is refused as "incomplete": somebody may still be writing to it.
        """
        self._source = (source, profile, whole)
        if self._live.config.wants("pdf") and not self._makes_pdf:  # since a reload
            self._end()
        most_pages = self._limits.pages
        descriptor = self._opened(source, self._limits.file_mb)
        limits = {
            "pages": most_pages,
            "megapixels": self._limits.page_megapixels,
            "side": profile.page_side,
            "most_bytes": self._most_bytes,
            "whole": whole,
        }
        request = {"op": "open", "dpi": profile.dpi, "limits": limits, "may_grow": may_grow}
        try:
            found = self._ask(request, lambda answer, fds: protocol.document(answer, fds, most_pages), (descriptor,))
        except DocumentError as error:
            if error.kind != "encrypted" or self._makes_pdf:
                raise
            # PDFium cannot decrypt it, and qpdf perhaps can. A decoder loads qpdf at its start, so it takes a new one.
            self._end()
            self._needs_qpdf = True
            return self.open(source, profile, whole=whole, may_grow=may_grow)
        finally:
            os.close(descriptor)
        self._pages = found.pages
        warnings = protocol.warnings_of(found.warnings)
        return DocumentInfo(found.media_type, found.pages, found.size, found.sha256, warnings)

    def page(self, index: int) -> DecodedPage:
        """Return a page, whose memory file is now the caller's to close. Raise as `open` does."""
        most, number = self._most_bytes_of_page(), index + 1
        request = {"op": "page", "index": index}
        return self._ask(request, lambda answer, fds: protocol.page(answer, fds, number, most), page=number)

    def own_text(self, index: int, words: WordMode = "words") -> tuple[EmbeddedText, tuple[Notice, ...]] | None:
        """Return the text that a page brings along, and warnings; None where it brings none. Raise as `open` does."""
        most, number = self._most_bytes_of_page(), index + 1
        request = {"op": "own_text", "index": index, "words": words}
        return self._ask(request, lambda answer, fds: protocol.own_text(answer, fds, number, most), page=number)

    def view(self, view: str, result: int, target: int) -> bool:
        """Write the html or pdf of the open file, whose result is in one descriptor, to another; both stay open.

        Return False where the pages of a PDF could not be kept and are pictures in the view. Raise as
        `open` does, and OSError where there is no room on the disk.
        """
        self._open_again()
        seconds = min(self._limits.document_seconds, self._patience * self._pages)
        request = {"op": "view", "view": view, "cpu_seconds": int(seconds) + 1}
        written = self._ask(request, protocol.written, (result, target), seconds=seconds)
        if written == "full":
            _refuse_where_full(target, self._limits.free_disk_mb)
            raise DocumentError("no-room", "a decoder found no room for it, where there is some")
        return written == "whole"

    def finish(self) -> None:
        """Close the file it has, if any, and make it fit for the next one."""
        self._source = None
        self._needs_qpdf = False
        child = self._child
        if child is None:
            return
        self._documents += 1
        try:
            _, received = child.ask({"op": "close"}, seconds=self._patience)
            _close(received)
        except ChildDiedError:
            self._child = None
            return
        if self._documents >= _DOCUMENTS_EACH or self._memory_mb != self._limits.decoder_memory_mb:
            self._end()

    def close(self) -> None:
        """End the process for good; a thread that uses it gets DecoderDiedError."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.close()

    def _check_source(self) -> None:
        """Raise OSError where the disk of the file is what failed, and not the file."""
        if self._source is not None:
            check_readable(self._source[0], self._limits.file_mb, self._opened)

    def _open_again(self) -> None:
        """Open the file once more where a decoder died or hung of an earlier page."""
        if self._source is None:
            raise LookupError("no document is open")
        source, profile, whole = self._source
        if self._child is None:
            self.open(source, profile, whole=whole)

    def _most_bytes_of_page(self) -> int:
        """Return how many bytes the pixels of a page of the open file have at most."""
        self._open_again()
        return self._most_bytes

    @property
    def _most_bytes(self) -> int:
        return self._limits.page_mb << 20

    @property
    def _limits(self) -> Limits:
        return self._live.config.limits

    @property
    def _patience(self) -> float:
        return self._limits.page_seconds

    def _ask(
        self,
        message: dict[str, Any],
        read: Callable[[Message, list[int]], _Answer],
        descriptors: tuple[int, ...] = (),
        page: int | None = None,
        seconds: float = 0,
    ) -> _Answer:
        """Ask, and let `read` check the answer. An answer that makes no sense ends the decoder like a crash."""
        child = self.start()
        seconds = seconds or self._patience
        try:
            answer, received = child.ask(message, descriptors, seconds=seconds)
        except ChildDiedError as error:
            self._child = None
            if not self._closed:
                self._check_source()
            if error.overdue:
                raise DocumentError(
                    "timeout",
                    f"decoding took longer than {seconds:g} s",
                    "the file may be damaged or made to hang; limits.page_seconds is the limit",
                    page=page,
                ) from error
            raise _died(f"the decoder {error}", page) from error
        except OSError:
            self._child = None
            raise
        try:
            if reason := protocol.refusal(answer):
                self._check_source()
                if reason.kind == "io" and message["op"] != "view":
                    # It can be read now: the fault has passed. We have only the decoder's word, so these are counted.
                    raise SourceReadError(errno.EIO, reason.message)
                raise reason
            return read(answer, received)
        except (DocumentError, OSError):
            _close(received)
            raise
        except ValueError as error:
            _close(received)
            child.kill()
            self._child = None
            raise _died("the decoder gave an answer that makes no sense", page) from error


def _died(how: str, page: int | None) -> DecoderDiedError:
    return DecoderDiedError(how + (f" at page {page}" if page else ""), page)


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _refuse_where_full(target: int, free_mb: int) -> None:
    """Raise OSError where the disk of this file is as full as a decoder says that it is."""
    found = os.fstatvfs(target)
    if found.f_bavail * found.f_frsize < free_mb << 20:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.posix_fallocate(target, 0, 1 << 20)
