"""Checks of outbox/: every result is whole and belongs to the document that it names."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pydantic import TypeAdapter, ValidationError

from ocrspool.audit.findings import Finding, Warned
from ocrspool.audit.folder_snapshot import Entry, Tree
from ocrspool.files import names
from ocrspool.files.folder import Folder
from ocrspool.formatting import parse_rfc3339
from ocrspool.results.formats import SUFFIXES
from ocrspool.results.schema import Document
from ocrspool.spool.outbox import MARKER_SUFFIX, RESULT_SUFFIX

_JOB_ID = re.compile(r"~\d{8}T\d{6}-[0-9a-f]{8}(?=\.[^./]*\Z|\Z)")
"""The id of a job in the name of a source in done/. An earlier source of the same name has another id, or none."""
_JOB_ID_BYTES = 25
_BESIDE = (*SUFFIXES.values(), MARKER_SUFFIX)
"""Suffixes of the files that may lie beside a result."""
_CHUNK_BYTES = 1 << 20
_MOST_BYTES = 64 << 20
"""The largest result that is read: ten thousand pages full of text."""


@dataclass(frozen=True, slots=True)
class _Source:
    """The facts that a result has about its source."""

    name: str
    """Relative to the inbox, with surrogate escapes."""
    size: int
    sha256: str
    finished_at: str
    """When the result was made: RFC 3339, UTC."""
    warnings: tuple[str, ...]
    """The codes of its warnings, each once."""


@dataclass(slots=True)
class Results:
    """Reads results and, if `thorough`, sources. It remembers them: the next look reads no unchanged file again."""

    thorough: bool
    _sources: dict[Entry, _Source | None] = field(default_factory=dict)
    _digests: dict[Entry, str] = field(default_factory=dict)
    _schema: TypeAdapter[Document] = field(default_factory=lambda: TypeAdapter(Document))

    def examine(self, outbox: Tree, done: Tree) -> Iterator[Finding]:
        """Yield files that are no results, and results whose document is not the one of their name in done/."""
        retired: dict[str, list[Entry]] = defaultdict(list)
        for entry in done.files():
            retired[_JOB_ID.sub("", entry.name)].append(entry)
        for entry in outbox.files():
            path = outbox.path(entry.name)
            if entry.name.endswith(_BESIDE):  # its result may have been taken away
                continue
            if not entry.name.endswith(RESULT_SUFFIX):
                yield Finding("stray", path)
            elif (source := self._source(outbox, entry)) is None:
                yield Finding("damaged-result", path)
            elif not self._has_its_source(source, namesakes := retired.get(source.name, []), done):
                changed = next((entry for entry in namesakes if _written_since(source, entry)), None)
                yield Finding("changed-source", done.path(changed.name)) if changed else Finding("other-document", path)

    def warned(self, outbox: Tree) -> Iterator[Warned]:
        """Yield the results with warnings, among those that `examine` has read."""
        for entry in outbox.files():
            source = self._sources.get(entry)
            if source is not None and source.warnings:
                yield Warned(outbox.path(entry.name), source.warnings)

    def _source(self, outbox: Tree, entry: Entry) -> _Source | None:
        """Return the facts that a result has about its source; None if the file is no result."""
        if entry not in self._sources:
            self._sources[entry] = self._read(outbox.root, entry)
        return self._sources[entry]

    def _read(self, outbox: Path, entry: Entry) -> _Source | None:
        try:
            with _opened(outbox, entry.name) as file:
                data = file.read(_MOST_BYTES + 1)
            if len(data) > _MOST_BYTES:
                return None
            document = self._schema.validate_json(data)
        except (OSError, ValidationError):
            return None
        source, codes = document.source, {warning.code for warning in document.warnings}
        fields = {"path": source.path, "path_base64": source.path_base64}
        return _Source(
            names.from_json(fields), source.size, source.sha256, document.run.finished_at, tuple(sorted(codes))
        )

    def _has_its_source(self, source: _Source, namesakes: list[Entry], done: Tree) -> bool:
        """Tell whether the source of this name belongs to the result, or is taken away, or has a name that was cut."""
        cut = len(os.fsencode(source.name.rpartition("/")[2])) + _JOB_ID_BYTES > names.MOST_BYTES
        return not namesakes or cut or any(self._is_of(source, namesake, done) for namesake in namesakes)

    def _is_of(self, source: _Source, entry: Entry, done: Tree) -> bool:
        if entry.size != source.size:
            return False
        if not self.thorough and not _written_since(source, entry):
            return True
        if entry not in self._digests:
            self._digests[entry] = _sha256(done.root, entry.name)
        return self._digests[entry] == source.sha256


def _written_since(source: _Source, entry: Entry) -> bool:
    """Tell whether the last thing that happened to a retired file was a write, after the result was made.

    A write gives a file the same two times; the rename to done/ gives it a later time of status change (inode(7)).
    """
    return entry.mtime_ns == entry.ctime_ns and entry.mtime_ns / 1e9 > parse_rfc3339(source.finished_at)


def _sha256(folder: Path, name: str) -> str:
    digest = hashlib.sha256()
    try:
        with _opened(folder, name) as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError:  # it is gone, or this user may not read it
        return ""
    return digest.hexdigest()


@contextlib.contextmanager
def _opened(root: Path, name: str) -> Iterator[BinaryIO]:
    """Open a regular file below a folder. Another file may have taken its place since it was seen."""
    with Folder.at(root) as folder, folder.holder(name) as holder:
        descriptor = holder.open(name.rpartition("/")[2])
    with os.fdopen(descriptor, "rb") as file:
        yield file
