"""The reason beside a failed file, as it is published: plain values.

The schema in `ocrspool schema reason` is generated from these classes.
"""

from __future__ import annotations

import contextlib
import os
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

SCHEMA: Literal["ocrspool-reason/1"] = "ocrspool-reason/1"

HOPELESS = frozenset({"unsupported", "encrypted", "empty", "empty-document", "not-a-file", "lost-on-power-cut"})
"""Kinds that lie in the bytes of the file. Reading the same bytes again has the same end, whatever is configured."""


@dataclass(frozen=True, slots=True)
class PublishedName:
    """A file name or a path in JSON."""

    path: str
    """To be read by people; bytes that are not UTF-8 appear as \\xNN."""
    path_base64: str | None = None
    """The exact bytes, where `path` is not exact."""

    @property
    def exact(self) -> str:
        """The name as the program has it, with surrogate escapes."""
        return self.path if self.path_base64 is None else os.fsdecode(b64decode(self.path_base64))


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one file failed."""

    schema: Literal["ocrspool-reason/1"]
    kind: str
    """One word, for programs."""
    stage: str
    """The step that found it: open, decode, recognize, deliver or retire."""
    page: int | None
    """From 1; null where the reason is not about one page."""
    message: str
    """What is wrong, for people."""
    hint: str
    """What to do about it; may be empty."""
    attempts: int
    """How often the file was tried."""
    source: PublishedName
    """The name under which the file came, relative to the inbox."""
    inbox: str
    """Name of the inbox."""
    job: str | None
    """As in the log; null where the file failed without a job."""
    failed_at: str
    """RFC 3339, UTC."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed file as the status shows it: its reason, and where it lies.

    Other people may write reason files, so everything in it may be missing.
    """

    file: PublishedName
    """The path of the file in failed/."""
    schema: Literal["ocrspool-reason/1"] = SCHEMA
    inbox: str = ""
    source: PublishedName = PublishedName("")
    kind: str = ""
    stage: str = ""
    page: int | None = None
    message: str = ""
    hint: str = ""
    attempts: int = 0
    job: str | None = None
    failed_at: str = ""
    """RFC 3339, UTC; empty where the reason does not say."""

    @property
    def may_be_retried(self) -> bool:
        """Whether another try can have another end."""
        return self.kind not in HOPELESS


def failure_from(reason: Mapping[str, object], file: PublishedName, inbox: str, name: str) -> Failure:
    """Return a failed file of an inbox, with what can be used of its reason.

    `name` is where it lies in failed/. It stands for the name in the inbox where the reason has none.
    """
    return Failure(
        file=file,
        inbox=inbox,
        source=_name(reason.get("source")) or PublishedName(name),
        kind=_text(reason, "kind"),
        stage=_text(reason, "stage"),
        page=_number(reason, "page"),
        message=_text(reason, "message") or "no reason file that can be read",
        hint=_text(reason, "hint"),
        attempts=_number(reason, "attempts") or 0,
        job=_text(reason, "job") or None,
        failed_at=_text(reason, "failed_at"),
    )


def _name(value: object) -> PublishedName | None:
    """Return a name that a reason holds; None where it holds none."""
    path = value.get("path") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(path, str):
        return None
    path = _valid(path)
    coded = value.get("path_base64")
    with contextlib.suppress(ValueError):
        if isinstance(coded, str) and b64decode(coded, validate=True):
            return PublishedName(path, coded)
    return PublishedName(path)


def _text(reason: Mapping[str, object], key: str) -> str:
    value = reason.get(key)
    return _valid(value) if isinstance(value, str) else ""


def _valid(text: str) -> str:
    """Return a text without halves of surrogate pairs: JSON may have them, and what shows the text may not."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _number(reason: Mapping[str, object], key: str) -> int | None:
    value = reason.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
