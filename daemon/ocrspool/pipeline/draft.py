"""A document that is assembled: its pages are rendered, and what is told with its delivery is still open."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ocrspool.errors import DocumentError
from ocrspool.files import names
from ocrspool.pages import Notice
from ocrspool.render import json
from ocrspool.results.rendered import RenderedResult, ResultFiles
from ocrspool.results.schema import Output, Run
from ocrspool.spool.outbox import done_name

_CODES_TOLD = 20
"""Hooks get all codes of a document's warnings in one variable, at most so many. There are fewer codes, but a decoder
that its document has taken over may make some up."""


@dataclass(frozen=True, slots=True)
class TextOutput:
    """An output of the text alone."""

    data: bytes | DocumentError
    """Its bytes, or why the document has none."""
    seconds: float
    """What making it took."""


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What the status, the log and hooks are told of a document."""

    status: str
    """ok or partial, as in the result."""
    pages: int
    lost: int
    """The number of pages that were not read."""
    lines: int
    readers: Mapping[str, int] = field(default_factory=dict)
    """Reader → how many lines it has read."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A document on its way to its delivery."""

    path: str
    """Of its source, as in the result."""
    inbox: str
    sha256: str
    """Of its source."""
    facts: DocumentFacts
    beginning: bytes
    """The JSON up to the outputs (render/json.py)."""
    texts: Mapping[str, TextOutput]
    """By the name of the format: those that were asked for."""
    warnings: tuple[Notice, ...]
    run: Run
    outputs: tuple[Output, ...] = ()
    """Those that have been made."""

    def with_done_as(self, name: str) -> Draft:
        """Return it with the path of its source below done/; "" where the source is not kept."""
        if not name:
            return self
        fields = names.to_json(name)
        run = replace(self.run, done_as=fields["path"], done_as_base64=fields.get("path_base64"))
        return replace(self, run=run)

    def as_json(self) -> bytes:
        """Return the whole result."""
        return self.beginning + json.ending(self.outputs, self.warnings, self.run)

    def rendered(self) -> RenderedResult:
        """Return the result, ready to be delivered."""
        suffixes = tuple(output.suffix for output in self.outputs)
        told = done_name(self.run.done_as, self.run.done_as_base64)
        return RenderedResult(ResultFiles(self.sha256, suffixes, told), self.as_json())

    def summary(self, result: Path) -> dict[str, Any]:
        """Return the facts that the status and hooks get about a document that was delivered as `result`."""
        return {
            "job": self.run.job,
            "inbox": self.inbox,
            "path": self.path,
            "finished_at": self.run.finished_at,
            "pages": self.facts.pages,
            "lost": self.facts.lost,
            "lines": self.facts.lines,
            "readers": dict(self.facts.readers),
            "warnings": sorted({warning.code for warning in self.warnings})[:_CODES_TOLD],
            "outputs": [output.format for output in self.outputs],
            "result": names.to_json(os.fspath(result)),
        }
