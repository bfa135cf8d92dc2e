"""The findings and notes of an audit, and the meaning of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ocrspool.files import names
from ocrspool.formatting import counted


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding."""

    meaning: str
    repair: str = ""
    """What `--repair` does about it; empty if a person has to decide."""


FINDINGS: dict[str, Kind] = {
    "half-delivered": Kind(
        "read, perhaps delivered too; the source is not retired yet",
        "delivers the result, byte for byte the same if it was delivered before, and retires the source",
    ),
    "half-failed": Kind(
        "failing: the reason is written, but not beside the file in failed/ yet",
        "moves file and reason to failed/",
    ),
    "half-given-back": Kind("being given back: it is in inbox/ already", "removes it from work/"),
    "half-retried": Kind("being retried: it is in inbox/ already", "removes it from failed/, and its reason"),
    "leftover": Kind("what is left of a job that is over, or of one that never began", "removes it"),
    "orphan": Kind("a file in work/ that belongs to no job", "moves it to failed/, with a reason beside it"),
    "no-reason": Kind("failed, and nothing beside it says why", "puts a reason beside it that says so"),
    "damaged-result": Kind(
        "no whole result: not ours, or damaged after it was delivered; if its source is in done/, move that back to "
        "inbox/ to have it read again"
    ),
    "changed-source": Kind(
        "written to after it was read: its result is of what it held before; if it is whole now, move it to inbox/ "
        "to have it read again"
    ),
    "stray": Kind("not made by ocrspool: only results, sources and reasons belong here; take it away"),
    "closed": Kind("cannot be looked into: nothing is known of what is in it"),
}
"""A file is not in exactly one place, or this cannot be proven."""

NOTES: dict[str, Kind] = {
    "waiting-job": Kind("claimed; no service is running, and the next one to start reads it"),
    "never-claimed": Kind("no regular file: links, pipes, sockets and devices are never claimed"),
    "unclaimable": Kind(
        "waits in the inbox, and the service may not take it: give its group the right to write to the folder and to "
        "read the file"
    ),
    "unreadable": Kind("nobody may read it: chmod it"),
    "two-names": Kind("one file under several names (hard links): each is read for itself, and all change with one"),
    "lone-reason": Kind("a reason whose file was taken away or retried; delete it when you have read it"),
    "other-document": Kind(
        "the source of this name in done/ is another document: that of this result was taken away, or replaced"
    ),
}
"""Worth knowing. Nothing is lost or half done."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing, and where it is."""

    kind: str
    """A word of FINDINGS or NOTES; stable, for programs."""
    path: Path
    detail: str = field(default="", compare=False)

    @property
    def meaning(self) -> str:
        """The meaning, for people."""
        return self._kind.meaning + (f" ({self.detail})" if self.detail else "")

    @property
    def repair(self) -> str:
        """What `--repair` does about it; empty where it does nothing."""
        return self._kind.repair

    @property
    def _kind(self) -> Kind:
        return FINDINGS.get(self.kind) or NOTES[self.kind]

    def to_json(self) -> dict[str, Any]:
        """Return the finding for programs."""
        named = names.to_json(str(self.path))
        return {"kind": self.kind, **named, "meaning": self.meaning, "repair": self.repair}


@dataclass(frozen=True, slots=True)
class Warned:
    """A result that has warnings: nothing is wrong with the spool, and somebody may want to look at the document."""

    path: Path
    codes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {**names.to_json(str(self.path)), "codes": self.codes}


@dataclass(frozen=True, slots=True)
class Audit:
    """What is in the five folders of one inbox."""

    inbox: str
    counts: dict[str, int]
    """Files by state: those that will be claimed, jobs, results, retired sources, failed files."""
    busy: bool
    """Whether a service holds the spool: a job in flight is none of the findings then."""
    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    warned: tuple[Warned, ...] = ()
    """The results that have warnings."""

    @property
    def by_code(self) -> dict[str, int]:
        """How many results have warnings of each code."""
        return dict(sorted(Counter(code for result in self.warned for code in result.codes).items()))

    @property
    def verdict(self) -> str:
        """The audit in a line."""
        if self.findings:
            return counted(len(self.findings), "finding")
        files = sum(count for state, count in self.counts.items() if state != "outbox")
        stuck = f"; {self.unclaimable} of them cannot be taken out of the inbox" if self.unclaimable else ""
        return f"{counted(files, 'file')}, each in one place{stuck}"

    @property
    def unclaimable(self) -> int:
        """How many files and folders in the inbox the service may not take."""
        return sum(note.kind == "unclaimable" for note in self.notes)

    def to_json(self) -> dict[str, Any]:
        """Return the audit for programs."""
        return {
            "busy": self.busy,
            "counts": self.counts,
            "unclaimable": self.unclaimable,
            "findings": [finding.to_json() for finding in self.findings],
            "notes": [note.to_json() for note in self.notes],
            "with_warnings": len(self.warned),
            "warnings": self.by_code,
            "verdict": self.verdict,
        }
