"""One file that hosts decode and read, part by part: what its decoder would say of it, made of their answers."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from concurrent.futures import Future
from typing import NoReturn

from ocrspool.config.schema import Profile
from ocrspool.decoding.api import DecodedPage, DecoderDiedError, DocumentInfo
from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import Recognized
from ocrspool.recognition.hosts.file_answers import (
    DecoderDeath,
    FileOutcome,
    FilePage,
    FileRead,
)
from ocrspool.recognition.hosts.file_queue import FileHosts, FileTask

RANGE_PAGES = 16
"""A host gets so many pages of a file at a time, so that others can have the rest of a long one."""
_RANGES_AHEAD = 4
"""So many parts of a long file are asked for beside the one that is waited for."""

WorthIt = Callable[[float], bool]
"""Tells whether the file should travel to a host, for pages that have so many bytes."""


class FileAtHost:
    """A file that hosts read. One thread uses it."""

    def __init__(self, hosts: FileHosts, descriptor: int, profile: Profile, *, may_grow: bool) -> None:
        """`close` closes the descriptor, which is that of a memory file with the bytes of the file."""
        self._hosts = hosts
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        self._profile = profile
        self._may_grow = may_grow
        self._key = secrets.token_hex(8)
        self._count = 0
        """How many pages the file has."""
        self._asked: dict[int, FileTask] = {}
        """The parts that have no answer yet, by their first page."""
        self._heard: set[int] = set()
        """The parts that have one. Whatever it lacks is decoded here."""
        self._answered: dict[int, FilePage] = {}
        """Pages that were not fetched yet."""
        self._deaths: dict[int, str] = {}
        """How decoders died, by the page."""
        self._bytes = 0.0
        """Pixels of the first part, for a page."""

    def begin(self) -> DocumentInfo | None:
        """Have a host open the file and read its first pages. None: no host has it.

        Raise DocumentError, DecoderDiedError or EngineError.
        """
        self._ask(0, 1)
        outcome = self._outcome(0)
        if outcome is None:
            return None
        if not isinstance(outcome, FileRead):
            _raise(outcome)
        self._count = outcome.document.pages
        self._take(outcome)
        sizes = [page.image.width * page.image.height * page.image.channels for page in outcome.pages if page.image]
        self._bytes = sum(sizes) / max(1, len(sizes))
        return _with_seconds(outcome)

    def page(self, index: int, is_worth_it: WorthIt) -> DecodedPage | None:
        """Return a page that was read. None: it has to be decoded here, and all that follow.

        Raise DocumentError where it cannot be decoded, DecoderDiedError where a decoder has died of it.
        """
        first = index - index % RANGE_PAGES
        if first not in self._heard:
            self._ask_further(first, is_worth_it)
            outcome = self._outcome(first)
            if not isinstance(outcome, FileRead):
                return None if outcome is None else _raise(outcome)
            self._take(outcome)
        if index in self._deaths:
            raise DecoderDiedError(f"{self._deaths.pop(index)} at page {index + 1}", index + 1)
        found = self._answered.pop(index, None)
        return None if found is None else _decoded(found, index)

    def close(self) -> None:
        """Take back what no host has yet, and forget the file."""
        for task in self._asked.values():
            task.future.cancel()
        if self._count > RANGE_PAGES:
            self._hosts.forget_file(self._key)
        os.close(self._descriptor)

    def _ask_further(self, first: int, is_worth_it: WorthIt) -> None:
        """Ask for the part that begins at this page, and for some that follow, as far as that is worth it.

        The file travels once to each host that reads parts of it, so a host's share of all pages is what counts.
        """
        share = self._count / max(1, len(self._hosts.ways()))
        for each in range(first, min(self._count, first + _RANGES_AHEAD * RANGE_PAGES), RANGE_PAGES):
            count = min(RANGE_PAGES, self._count - each)
            if each in self._asked or each in self._heard:
                continue
            if not is_worth_it(max(share, count) * self._bytes):
                break
            self._ask(each, count)

    def _ask(self, first: int, pages: int) -> None:
        descriptor = os.dup(self._descriptor)
        task = FileTask(
            descriptor,
            self.size,
            self._profile,
            first,
            RANGE_PAGES,
            may_grow=self._may_grow,
            key=self._key,
            pages=pages,
        )
        self._asked[first] = task
        self._hosts.read_file(task)

    def _outcome(self, first: int) -> FileOutcome | None:
        """Wait for what became of a part. None: no host has it, or it was not worth asking for."""
        self._heard.add(first)
        return self._asked.pop(first).future.result() if first in self._asked else None

    def _take(self, found: FileRead) -> None:
        for index, page in enumerate(found.pages, found.first):
            self._answered[index] = page
        if found.death:
            self._deaths[found.first + len(found.pages)] = found.death


def _raise(outcome: DecoderDeath | DocumentError | EngineError) -> NoReturn:
    raise DecoderDiedError(outcome.message) if isinstance(outcome, DecoderDeath) else outcome


def _with_seconds(found: FileRead) -> DocumentInfo:
    about = found.document
    return DocumentInfo(about.media_type, about.pages, about.size, about.sha256, about.warnings, found.decode_seconds)


def _decoded(page: FilePage, index: int) -> DecodedPage:
    """Return a page as its decoder would. Raise DocumentError where it could not decode it."""
    fault = None if page.fault is None else page.fault.error()
    if page.image is None:
        raise fault if fault is not None else EngineError(f"nothing was said of page {index + 1}")
    reading: Future[Recognized] = Future()
    if fault is not None:
        reading.set_exception(fault)
    elif page.text is not None:
        reading.set_result(page.text)
    return DecodedPage(page.image, page.warnings, page.hidden, reading)
