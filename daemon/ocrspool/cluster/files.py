"""What a host does with a whole file: its own decoders decode it under its own limits, its own pool reads the pages."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ocrspool.config.schema import Profile
from ocrspool.decoding.api import DecodedPage, Decoder, DecoderDiedError, DecoderPool, DocumentInfo
from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import EncodedText, PageOptions, Recognized
from ocrspool.recognition.hosts.file_answers import NO_PIXELS, Fault, FilePage, FileRead
from ocrspool.recognition.page_json import encoded_and_sound

Submit = Callable[[DecodedPage, PageOptions], Future[Recognized]]
"""Has a page read that was decoded. It waits while too many are held, and raises EngineError."""


@dataclass(slots=True)
class DecodedFile:
    """A file that was decoded. Its pages are being read."""

    document: DocumentInfo
    first: int
    pages: list[tuple[DecodedPage, Future[Recognized]] | Fault] = field(default_factory=list)
    """A fault where a page could not be decoded."""
    death: str = ""
    wait_seconds: float = 0.0
    decode_seconds: float = 0.0

    def readings(self) -> list[Future[Recognized]]:
        """Return those pages that are being read."""
        return [page[1] for page in self.pages if isinstance(page, tuple)]

    def answer(self, brief: Callable[[EncodedText], EncodedText]) -> FileRead:
        """Return what the service is told, when all readings are there. `brief` leaves out what it does not need."""
        pages = tuple(
            FilePage(fault=page) if isinstance(page, Fault) else _read_page(*page, brief) for page in self.pages
        )
        return FileRead(self.document, self.first, pages, self.death, self.wait_seconds, self.decode_seconds)


class FileDecoders:
    """The decoders of a host. They are started with the first file, and end with the threads that use them."""

    def __init__(self, decoders: DecoderPool) -> None:
        self._decoders = decoders
        self._started = False
        self._starting = threading.Lock()

    def decode(self, request: Mapping[str, Any], descriptor: int, submit: Submit) -> DecodedFile:
        """Decode the wanted pages of a file that lies in a memory file, and submit each. Any thread may call it.

        Raise DocumentError where the file cannot be opened, DecoderDiedError where a decoder died of that.
        """
        self._start()
        came = time.monotonic()
        profile = Profile(dpi=request["dpi"], page_side=request["page_side"])
        with self._decoders.take() as decoder:
            began = time.monotonic()
            document = decoder.open(Path(f"/proc/self/fd/{descriptor}"), profile, may_grow=request["may_grow"])
            found = DecodedFile(document, request["first"], wait_seconds=began - came)
            self._decode_pages(decoder, found, request["most"], PageOptions.from_json(request["options"]), submit)
            found.decode_seconds += time.monotonic() - began
        return found

    def close(self) -> None:
        """End all decoders."""
        self._decoders.close()

    def _decode_pages(
        self, decoder: Decoder, found: DecodedFile, most: int, options: PageOptions, submit: Submit
    ) -> None:
        for index in range(found.first, min(found.document.pages, found.first + most)):
            try:
                page = decoder.page(index)
            except DecoderDiedError as error:
                found.death = error.message.removesuffix(f" at page {index + 1}")
                return
            except DocumentError as error:
                found.pages.append(Fault.of(error))
                continue
            began = time.monotonic()
            found.pages.append((page, submit(page, options)))
            found.decode_seconds -= time.monotonic() - began  # a wait for workers is no decoding
            if any(_has_died(reading) for reading in found.readings()):
                return  # a document that kills workers must not do so page by page

    def _start(self) -> None:
        with self._starting:
            if not self._started:
                self._decoders.start()
                self._started = True


def open_received(path: Path, most_mb: int) -> int:
    """Return a descriptor of its own of a memory file that holds a received file. Raise DocumentError or OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    if os.fstat(descriptor).st_size <= most_mb << 20:
        return descriptor
    os.close(descriptor)
    raise DocumentError("too-large", f"the file has more than {most_mb} MiB", "raise limits.file_mb", stage="open")


def _has_died(reading: Future[Recognized]) -> bool:
    return reading.done() and not reading.cancelled() and isinstance(reading.exception(), EngineError)


def _read_page(page: DecodedPage, reading: Future[Recognized], brief: Callable[[EncodedText], EncodedText]) -> FilePage:
    image = replace(page.image, fd=NO_PIXELS)
    try:
        return FilePage(image, page.warnings, page.hidden, brief(encoded_and_sound(reading.result())))
    except (DocumentError, EngineError) as error:
        return FilePage(image, page.warnings, page.hidden, fault=Fault.of(error))
