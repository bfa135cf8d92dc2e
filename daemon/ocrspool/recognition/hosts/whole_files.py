"""Decoders for a service with a cluster: a file is decoded here, or at the host that reads it.

The pipeline knows only that it has decoders (decoding/api.py). One of these asks a host first where that is better
(transport_choice.py), and takes a decoder of this machine where no host has the file, and from the moment on at which
a decoder of a host has died of it.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Profile
from ocrspool.decoding.api import DecodedPage, Decoder, DecoderPool, DocumentInfo, SourceReadError
from ocrspool.decoding.source_file import open_source
from ocrspool.pages import EmbeddedText, Notice, WordMode
from ocrspool.recognition.hosts.file_at_host import FileAtHost
from ocrspool.recognition.hosts.file_queue import FileHosts
from ocrspool.recognition.hosts.transport_choice import TransportChoice

_MOST_BYTES = 64 << 20
"""A larger file travels as pages: it would be in the memory of both machines as a whole."""


class WholeFiles:
    """A DecoderPool whose files may be decoded and read at hosts."""

    def __init__(self, live: CurrentConfig, here: DecoderPool, hosts: FileHosts) -> None:
        """Give files to `hosts`, or to the decoders of this machine, which are `here`."""
        self._live = live
        self._here = here
        self._hosts = hosts
        self._choice = TransportChoice()
        self._held_bytes = 0
        self._changing = threading.Lock()

    def start(self) -> None:
        """Start the decoders of this machine."""
        self._here.start()

    @contextmanager
    def take(self, inbox: str = "", hangs: Callable[[], bool] = lambda: False) -> Iterator[Decoder]:
        """Have a decoder for a while, for a file of this inbox. It waits for one of this machine when it needs one.

        Raise OSError where the disk of that inbox does not answer.
        """
        if hangs():
            raise OSError(errno.ETIMEDOUT, "the disk does not answer")
        with ExitStack() as closing:

            def take_here() -> Decoder:
                began = time.monotonic()
                decoder = closing.enter_context(self._here.take(inbox, hangs))
                self._choice.note_wait_here(time.monotonic() - began)
                return decoder

            yield _EitherDecoder(self, take_here, closing)

    def replace_those_of(self, inbox: str) -> None:
        """Let others serve in place of those decoders of this machine that this inbox has."""
        self._here.replace_those_of(inbox)

    def close(self) -> None:
        """End the decoders of this machine."""
        self._here.close()

    def note_pixels(self, source: Path, size: int, pixels: int) -> None:
        """Take note of how many bytes of pixels the pages of a file had."""
        self._choice.note_pixels(source.name, size, pixels)

    def travels_whole(self, source: Path, size: int, pixels: float | None = None) -> bool:
        """Tell whether a file is to travel as it is. `pixels`: how many bytes its pages have, where that is known."""
        wanted, ways = self._live.config.cluster.files, self._hosts.ways()
        if not ways or wanted == "never" or not 0 < size <= _MOST_BYTES:
            return False
        return wanted == "always" or self._choice.travels_whole(source.name, size, ways, pixels)

    @contextmanager
    def held(self, size: int) -> Iterator[bool]:
        """Hold a file in memory, as far as there is room for it beside others; tell whether there is."""
        with self._changing:
            has_room = self._held_bytes + size <= self._live.config.limits.page_mb << 20
            self._held_bytes += size if has_room else 0
        try:
            yield has_room
        finally:
            with self._changing:
                self._held_bytes -= size if has_room else 0

    def at_host(self, source: Path, profile: Profile, closing: ExitStack, *, may_grow: bool) -> FileAtHost | None:
        """Return a file that hosts are to read; None where its pages are to travel. Raise DocumentError or OSError."""
        descriptor = open_source(source, self._live.config.limits.file_mb)
        try:
            size = os.fstat(descriptor).st_size
            if not self.travels_whole(source, size) or not closing.enter_context(self.held(size)):
                return None
            copy = _copied(descriptor, size)
        finally:
            os.close(descriptor)
        file = FileAtHost(self._hosts, copy, profile, may_grow=may_grow)
        closing.callback(file.close)
        return file


class _EitherDecoder:
    """A Decoder of one file, which is at hosts, or at a decoder of this machine."""

    def __init__(self, pool: WholeFiles, take_here: Callable[[], Decoder], closing: ExitStack) -> None:
        self._pool = pool
        self._take_here = take_here
        self._closing = closing
        self._file: FileAtHost | None = None
        self._decoder: Decoder | None = None
        self._open_here: Callable[[Decoder], DocumentInfo] | None = None
        """Opens the file at a decoder of this machine that has not opened it yet."""
        self._source = Path()
        self._size = 0
        self._pixels = 0
        closing.callback(self._note_pixels)

    def open(
        self, source: Path, profile: Profile, *, whole: bool = True, may_grow: bool = False, may_read: bool = False
    ) -> DocumentInfo:
        """Open a file at a host, or here. See `Decoder`."""
        self._source, self._size, self._pixels = source, 0, 0
        self._open_here = lambda decoder: decoder.open(source, profile, whole=whole, may_grow=may_grow)
        # A page that brings its own text may need no reading: only who sees that text and the readings can tell.
        if may_read and whole and profile.pdf_text != "prefer":
            self._file = self._pool.at_host(source, profile, self._closing, may_grow=may_grow)
        found = None if self._file is None else self._file.begin()
        if found is None:
            self._file = None
            found = self._opened_here()
        self._size = found.size if self._file is None else self._file.size
        return found

    def page(self, index: int) -> DecodedPage:
        """Return a page. See `Decoder`."""
        page = None if self._file is None else self._file.page(index, self._is_worth_it)
        if page is None:
            self._file = None
            page = self._local().page(index)
        self._pixels += page.image.width * page.image.height * page.image.channels
        return page

    def own_text(self, index: int, words: WordMode = "words") -> tuple[EmbeddedText, tuple[Notice, ...]] | None:
        """Return the text that a page brings along. See `Decoder`."""
        return self._local().own_text(index, words)

    def view(self, view: str, result: int, target: int) -> bool:
        """Write an output that shows the pages. See `Decoder`."""
        return self._local().view(view, result, target)

    def _is_worth_it(self, pixels: float) -> bool:
        """Tell whether the file should travel once more, for pages that have so many bytes."""
        return self._pool.travels_whole(self._source, self._size, pixels)

    def _local(self) -> Decoder:
        """Return a decoder of this machine that has the file open. Raise as `open` does."""
        if self._decoder is None:
            self._opened_here()
        if self._decoder is None:
            raise LookupError("no document is open")
        return self._decoder

    def _opened_here(self) -> DocumentInfo:
        if self._open_here is None:
            raise LookupError("no document is open")
        decoder = self._take_here() if self._decoder is None else self._decoder
        found = self._open_here(decoder)
        self._decoder = decoder
        return found

    def _note_pixels(self) -> None:
        if self._pixels:
            self._pool.note_pixels(self._source, self._size, self._pixels)


def _copied(descriptor: int, size: int) -> int:
    """Return a memory file with what a file has now, at most so many bytes: what is mapped must not become shorter."""
    copy = os.memfd_create("file", os.MFD_CLOEXEC)
    try:
        done = 0
        while done < size and (sent := os.sendfile(copy, descriptor, done, size - done)):
            done += sent
    except OSError as error:
        os.close(copy)
        raise SourceReadError(error.errno, f"the file cannot be read: {error.strerror}") from error
    return copy
