"""What a host says of a page, and of itself: our values and errors as JSON, and back.

Both ends use this module. Another host is not this process, so what it says is checked: every function that reads JSON
raises ValueError for what no sound host says. The text of a page travels as its worker has written it down. The bridge
looks into it (`check_outcome`), and the service does not: that would take a third of the processor time that it has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import TypeAdapter

from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import EncodedText
from ocrspool.processes import fast_json
from ocrspool.recognition.page_json import UnreadableBodyError, decoded

_TEXT = TypeAdapter(EncodedText)

Said = TypeVar("Said")

Outcome = EncodedText | DocumentError | EngineError
"""What became of a page."""


@dataclass(frozen=True, slots=True)
class HostReport:
    """What a host says of itself."""

    name: str
    version: str
    """Of ocrspool."""
    dask: str
    """The version of Dask."""
    engines: tuple[Mapping[str, Any], ...]
    """Each engine that reads there, as its worker described it."""
    workers: int
    """How many workers have an engine."""
    code: str = ""
    """What tells apart two states of one version (program.py)."""
    leaving: bool = False
    """Whether it takes no more pages, because it is about to end."""
    pages: int = 0
    """Pages that it has read since it started."""
    in_work: int = 0
    restarts: int = 0
    """Workers that were replaced because they had failed."""
    began: float = 0.0
    """When it started, in seconds of the epoch, by its own clock."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """What each stage of loading its first engine took."""
    decoding: Mapping[str, str] = field(default_factory=dict)
    """What the page images depend on that it makes of files (decoding/facts.py)."""


_REPORT = TypeAdapter(HostReport)


def report_to_json(report: HostReport) -> str:
    """Return it as text."""
    return _REPORT.dump_json(report).decode()


def report_from_json(text: str) -> HostReport:
    """Return what a host said of itself."""
    return _REPORT.validate_json(text)


def outcome_to_json(outcome: Outcome) -> str:
    """Return what became of a page as text."""
    if isinstance(outcome, EncodedText):
        return f'{{"text":{_TEXT.dump_json(outcome).decode()}}}'
    if isinstance(outcome, DocumentError):
        about = {name: getattr(outcome, name) for name in ("kind", "message", "hint", "stage", "page")}
        return json.dumps({"document": about})
    return json.dumps({"engine": {"message": outcome.message, "hint": outcome.hint}})


def outcome_from_json(text: str) -> Outcome:
    """Return what became of a page at a host. The text of a page is not looked into."""
    return said_in(text, outcome_of)


def said_in(text: str, read: Callable[[Any], Said]) -> Said:
    """Return what `read` makes of the values in JSON. Raise ValueError where it is none, or `read` fails."""
    try:
        return read(fast_json.loads(text))
    except (LookupError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"no answer: {error!r}") from error


def outcome_of(said: Any) -> Outcome:  # noqa: ANN401 - whatever a host says
    """Return what became of a page. Raise LookupError, TypeError, ValueError or OverflowError where it does not say."""
    if "text" in said:
        return _TEXT.validate_python(said["text"])
    if "document" in said:
        about = said["document"]
        return DocumentError(
            *(str(about[name]) for name in ("kind", "message", "hint")),
            stage=str(about["stage"]),
            page=None if about["page"] is None else int(about["page"]),
        )
    return EngineError(str(said["engine"]["message"]), str(said["engine"]["hint"]))


def check_text(text: EncodedText) -> None:
    """Raise ValueError where a text is not what an engine reads on a page."""
    try:
        decoded(text)
    except UnreadableBodyError as error:
        raise ValueError(error.message) from error


def check_outcome(text: str) -> None:
    """Raise ValueError where a host did not say what became of a page."""
    outcome = outcome_from_json(text)
    if isinstance(outcome, EncodedText):
        check_text(outcome)
