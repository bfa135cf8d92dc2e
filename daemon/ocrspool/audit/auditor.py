"""Prove that every file of one inbox is in exactly one of inbox, work, outbox with done, and failed, or say why not.

The audit changes nothing. It is also right beside a running service: a file that moves meanwhile looks wrong only for a
moment, so nothing is reported that only one look has seen. `repair` is the other half and needs the spool for itself.

`findings` has the names of the findings. `folder_snapshot` is one look at a folder. `job_checks`, `failed_checks` and
`outbox_checks` know what belongs in work/, failed/ and outbox/.
"""

from __future__ import annotations

import stat
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from ocrspool.audit import failed_checks, job_checks
from ocrspool.audit.claim_rights import unclaimable
from ocrspool.audit.findings import FINDINGS, Audit, Finding
from ocrspool.audit.folder_snapshot import Entry, Tree, look
from ocrspool.audit.outbox_checks import Results
from ocrspool.files.folder import Folder
from ocrspool.files.name_patterns import NamePatterns
from ocrspool.files.publish import PRIVATE
from ocrspool.spool.outbox import RESULT_SUFFIX
from ocrspool.spool.spool import Spool

__all__ = ["Audit", "Finding", "audit"]

EVERYTHING = NamePatterns(["*"], [])
"""Every file counts."""

_BUSY_PAUSES_SECONDS = (0.25, 0.5, 1.0)
"""Between looks beside a service: no step of a job takes so long, unless the disk does."""
_PAUSES_SECONDS = (0.05,)


def audit(spool: Spool, rules: NamePatterns = EVERYTHING, *, thorough: bool = False) -> Audit:
    """Return what is in the folders of a spool, which need not be open, and all that is not as it should be.

    `rules` say which files in the inbox count. `thorough` reads all of done/ to compare it with the results; else sizes
    have to do. Users may take files out of outbox, done and failed: what is missing there is no finding.
    """
    results = Results(thorough)
    found = look_once(spool, rules, results)
    for number, pause in enumerate(_BUSY_PAUSES_SECONDS if found.busy else _PAUSES_SECONDS):
        if not found.findings and (number or not found.notes):  # a note is worth one more look, not all
            break
        time.sleep(pause)
        again = look_once(spool, rules, results)
        found = Audit(
            again.inbox,
            again.counts,
            again.busy,
            tuple(finding for finding in again.findings if finding in found.findings),
            tuple(note for note in again.notes if note in found.notes),
            again.warned,
        )
    return found


def look_once(
    spool: Spool, rules: NamePatterns = EVERYTHING, results: Results | None = None, *, busy: bool | None = None
) -> Audit:
    """Return what one look sees: exact while nobody works on the spool."""
    busy = spool.lock.is_held() if busy is None else busy
    results = results or Results(thorough=False)
    inbox = look(spool.inbox, rules.excludes)
    work, done, failed = (look(folder) for folder in (spool.work, spool.done, spool.failed))
    not_ours = unclaimable(spool, rules)
    outbox, private = look(spool.outbox, lambda name: name == PRIVATE), _private(spool.outbox)
    found = [
        *_closed(inbox, work, outbox, done, failed),
        *_never_claimed(inbox, rules),
        *(Finding("unclaimable", inbox.path(each.name), each.why) for each in not_ours or ()),
        *job_checks.examine(spool, work, busy=busy),
        *results.examine(outbox, done),
        *failed_checks.examine(failed, job_checks.on_their_way(work)),
        *([] if busy else (Finding("leftover", private.path(name)) for name in private.entries)),
        *_strays(outbox, done, failed),
        *_twice(inbox, done, failed),
    ]
    counts = {
        "inbox": sum(rules.wants(entry.name) for entry in inbox.files()),
        "work": len(job_checks.sources(work)),
        "outbox": sum(entry.name.endswith(RESULT_SUFFIX) for entry in outbox.files()),
        "done": len(done.files()),
        "failed": len(failed_checks.files_in(failed)),
    }
    by_path = sorted(found, key=lambda finding: str(finding.path))
    findings = tuple(finding for finding in by_path if finding.kind in FINDINGS)
    notes = tuple(note for note in by_path if note.kind not in FINDINGS)
    warned = tuple(sorted(results.warned(outbox), key=lambda result: str(result.path)))
    return Audit(spool.name, counts, busy, findings, notes, warned)


def _private(outbox: Path) -> Tree:
    """Look at what is on its way into the outbox, where that is a folder and no link to one."""
    try:
        with Folder.at(outbox) as folder, folder.below(PRIVATE):
            return look(outbox / PRIVATE)
    except OSError:
        return Tree(outbox / PRIVATE)


def _closed(*trees: Tree) -> Iterator[Finding]:
    for tree in trees:
        yield from (Finding("closed", tree.path(name), why) for name, why in tree.closed.items())


def _never_claimed(inbox: Tree, rules: NamePatterns) -> Iterator[Finding]:
    """Yield what will never be read although its name is wanted."""
    for entry in inbox.entries.values():
        if not rules.wants(entry.name):
            continue
        if not entry.regular:
            yield Finding("never-claimed", inbox.path(entry.name))
        elif not stat.S_IMODE(entry.mode) & 0o444:
            yield Finding("unreadable", inbox.path(entry.name))


def _strays(*trees: Tree) -> Iterator[Finding]:
    for tree in trees:
        yield from (Finding("stray", tree.path(entry.name)) for entry in tree.entries.values() if not entry.regular)


def _twice(inbox: Tree, done: Tree, failed: Tree) -> Iterator[Finding]:
    """Yield files that are in two states at once: a retry that was not finished, or links that a user has made."""
    found: dict[tuple[int, int], list[tuple[Tree, Entry]]] = defaultdict(list)
    for tree, entries in ((inbox, inbox.files()), (done, done.files()), (failed, failed_checks.files_in(failed))):
        for entry in entries:
            if entry.links > 1:
                found[entry.identity].append((tree, entry))
    for places in found.values():
        if len({tree.root for tree, _ in places}) > 1:
            tree, entry = places[-1]
            retried = tree is failed and failed_checks.came_as(failed, entry.name) in {
                other.name for _, other in places[:-1]
            }
            yield Finding("half-retried" if retried else "two-names", tree.path(entry.name))
