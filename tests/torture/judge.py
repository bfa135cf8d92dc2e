"""The invariant: every document that was dropped has exactly one outcome, and nothing else is left anywhere."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ocrspool.audit.auditor import audit
from ocrspool.spool.spool import Spool
from torture.consumer import Consumer, hidden
from torture.documents import Document

_REASON = ".reason.json"
_DAMAGED = {"damaged"}
_UNREAD = {"no-text-found", "unread-script"}
"""Warnings that tell of something that was not read."""


@dataclass
class Verdict:
    """What was found wrong, in words that say where to look; all empty is as it has to be."""

    documents: int = 0
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    corrupted: list[str] = field(default_factory=list)

    def problems(self) -> list[str]:
        kinds = {"lost": self.lost, "duplicated": self.duplicated, "corrupted": self.corrupted}
        return [f"{kind}: {problem}" for kind, problems in kinds.items() for problem in problems]


def judge(
    folders: dict[str, Path],
    dropped: list[Document],
    consumer: Consumer,
    *,
    may_fail: frozenset[str],
    inbox: str = "default",
) -> Verdict:
    """Look at an idle spool. `may_fail` are reasons for which a sound document may have failed, the fault being so."""
    verdict = Verdict(len(dropped))
    results = _results(folders["outbox"], verdict)
    retired, failed = _by_content(folders["done"]), _by_content(folders["failed"])
    known = {document.sha256: document for document in dropped}
    for sha256, document in known.items():
        outcome = _Outcome(results[sha256], retired[sha256], [kind_of(_reason(path)) for path in failed[sha256]])
        _judge(document, outcome, verdict, may_fail)
    for place, found in (("outbox", results), ("done", retired), ("failed", failed)):
        for sha256 in found.keys() - known.keys():
            verdict.corrupted.append(f"{place} has what nobody dropped: {found[sha256]}")
    for state in ("inbox", "work"):
        left = [path for path in _files(folders[state]) if state == "inbox" or "source" in path.parts]
        verdict.corrupted += [f"left behind: {path}" for path in left]
    verdict.corrupted += consumer.problems
    # The folder of a job that is over which could not be removed is no file of anybody's: it goes with a later job.
    findings = [found for found in audit(Spool(inbox, folders), thorough=True).findings if found.kind != "leftover"]
    verdict.corrupted += [f"audit: {found.kind} {found.path}: {found.meaning}" for found in findings]
    versions = consumer.versions.items()
    verdict.corrupted += [f"{name} was delivered again, and differed" for name, seen in versions if len(seen) > 1]
    return verdict


@dataclass(frozen=True)
class _Outcome:
    """What became of one document."""

    results: list[dict[str, Any]]
    retired: list[Path]
    reasons: list[str]

    def __str__(self) -> str:
        return f"{len(self.results)} results, {len(self.retired)} in done, failed as {self.reasons}"


def _judge(document: Document, found: _Outcome, verdict: Verdict, may_fail: frozenset[str]) -> None:
    """Compare what became of a document with what has to."""
    outcomes = len(found.results) + len(found.reasons)
    if not outcomes or (found.results and not found.retired):
        verdict.lost.append(f"{document.name}: {found}")
    elif outcomes > 1 or len(found.retired) > 1:
        verdict.duplicated.append(f"{document.name}: {found}")
    elif found.reasons:
        if document.fate != "failed" and found.reasons[0] not in may_fail:
            verdict.corrupted.append(f"{document.name}: {found}, and is sound")
    elif problem := _misread(document, found.results[0], may_fail):
        verdict.corrupted.append(f"{document.name}: {problem}")


def _misread(document: Document, result: dict[str, Any], may_fail: frozenset[str]) -> str:
    """Return what is wrong with a result; "" when nothing is. Pages may fail as the document or the fault says."""
    pages = result["pages"]
    kinds = {page["error"]["kind"] for page in pages if page["error"]}
    codes = {warning["code"] for warning in result["warnings"]}
    if len(pages) != document.pages:
        return f"{len(pages)} pages"
    if unexpected := kinds - may_fail - (_DAMAGED if document.fate == "partial" else set()):
        return f"pages failed as {unexpected}"
    if result["status"] != ("partial" if kinds else "ok") or (document.fate == "partial" and not kinds):
        return f"{result['status']}, and pages failed as {kinds}"
    if any(document.words not in page["text"] for page in pages if not page["error"]):
        return f"a page does not say {document.words!r}: {result['text']!r}"
    if document.texts is not None:
        for page in pages:
            if not page["error"] and document.texts.setdefault(page["number"], page["text"]) != page["text"]:
                return f"page {page['number']} says {page['text']!r}: what another page says"
    if document.words and codes & _UNREAD:
        return f"it warns of {codes & _UNREAD}"
    return ""


def _results(outbox: Path, verdict: Verdict) -> dict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for path in _files(outbox):
        if not hidden(path.relative_to(outbox)):
            try:
                result = json.loads(path.read_bytes())
                found[result["source"]["sha256"]].append(result)
            except (ValueError, KeyError, TypeError) as error:
                verdict.corrupted.append(f"{path}: {error!r}")
    return found


def _by_content(folder: Path) -> dict[str, list[Path]]:
    found = defaultdict(list)
    for path in _files(folder):
        if not path.name.endswith(_REASON):
            found[hashlib.sha256(path.read_bytes()).hexdigest()].append(path)
    return found


def _files(folder: Path) -> list[Path]:
    """Return the files below a folder; links that somebody has planted are nobody's outcome."""
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def kind_of(reason: Path) -> str:
    """Return the kind that a reason tells; where there is none, words that say so."""
    try:
        return str(json.loads(reason.read_bytes())["kind"])
    except (OSError, ValueError, KeyError) as error:
        return f"no reason: {error!r}"


def _reason(failed: Path) -> Path:
    return failed.with_name(failed.name + _REASON)
