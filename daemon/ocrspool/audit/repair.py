"""Mends what an audit finds, as far as that is safe: no document is ever removed, overwritten or read."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from ocrspool import atomic, names, records
from ocrspool.audit import look_once
from ocrspool.audit.findings import Finding
from ocrspool.errors import DocumentError, Exit, OcrspoolError
from ocrspool.reasons import reason, reason_beside
from ocrspool.spool import Spool
from ocrspool.spool_lock import LOCK


class NotOursError(OcrspoolError):
    """The spool belongs to another user, who could not work with what we would make in it."""

    exit_code = Exit.NO_PERMISSION


def repair(spool: Spool) -> list[Finding]:
    """Finish what is half done, and move what nobody claims to failed/. Return what something was done about.

    Raise SpoolBusyError while a service has the spool, NotOursError where it is another user's.
    """
    if not spool.work.exists():  # no service has been here yet
        return []
    _refuse_if_foreign(spool)
    spool.open()
    try:
        found = [finding for finding in look_once(spool, busy=False).findings if finding.repair]
        spool.recover()  # jobs that are left to be read wait in work/ for the next start
        for finding in found:
            with contextlib.suppress(FileNotFoundError):  # taken away since
                _mend(spool, finding)
    finally:
        spool.close()
    return found


def _refuse_if_foreign(spool: Spool) -> None:
    lock = spool.work / LOCK
    owner = (lock if lock.exists() else spool.work).stat().st_uid
    if owner != os.geteuid():
        raise NotOursError(
            f"{spool.work} is worked on by user {owner}, and this is user {os.geteuid()}",
            "repair as that user (sudo -u), who could not move what another makes there",
        )


def _mend(spool: Spool, finding: Finding) -> None:
    """Do what `recover` does not: it knows jobs only."""
    if finding.kind == "orphan":
        _fail_orphan(spool, finding.path)
    elif finding.kind == "no-reason":
        written = _reason(spool, finding.path.relative_to(spool.failed), "no reason was beside it")
        finding.path.lstat()
        atomic.write(reason_beside(finding.path), records.dump(written))
    elif finding.kind == "half-retried":
        spool.retry(finding.path, records.load(reason_beside(finding.path)))


def _fail_orphan(spool: Spool, path: Path) -> None:
    """Move a file of no job to failed/, with a reason that says where it was."""
    name = path.relative_to(spool.work)
    where = names.printable(os.fspath(name))
    spool.fail(spool.adopt(path), _reason(spool, Path(name.name), f"it was found as work/{where}, in no job"))


def _reason(spool: Spool, name: Path, message: str) -> dict[str, Any]:
    unknown = DocumentError("unknown", message, "if it is a document, `ocrspool retry` has it read", stage="audit")
    return reason(unknown, os.fspath(name), spool.name, job=None, attempts=0)
