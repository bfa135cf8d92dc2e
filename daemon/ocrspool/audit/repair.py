"""Repair what an audit finds, as far as this is safe. It never removes, overwrites or reads a document."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from ocrspool.audit.auditor import look_once
from ocrspool.audit.findings import Finding
from ocrspool.errors import DocumentError
from ocrspool.files import json_file, names
from ocrspool.files.folder import Folder
from ocrspool.processes.owner import acting_as_owner, refuse_if_foreign
from ocrspool.spool.failure_reason import reason, reason_at, reason_of
from ocrspool.spool.lock import LOCK
from ocrspool.spool.spool import Spool


def repair(spool: Spool) -> list[Finding]:
    """Finish half-done jobs, and move files that belong to no job to failed/. Return the findings that were repaired.

    Root acts as the user whom work/ belongs to. Raise SpoolBusyError while a service has the spool, NotOursError where
    it is another user's.
    """
    try:
        Folder.at(spool.work).close()
    except FileNotFoundError:  # no service has been here yet
        return []
    with acting_as_owner(spool.work, lock=LOCK):
        refuse_if_foreign(spool.work, LOCK)
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


def _mend(spool: Spool, finding: Finding) -> None:
    """Repair one finding that is not about a job. `recover` repairs those of jobs."""
    if finding.kind == "orphan":
        _fail_orphan(spool, os.fspath(finding.path.relative_to(spool.work)))
    elif finding.kind == "no-reason":
        _give_reason(spool, os.fspath(finding.path.relative_to(spool.failed)))
    elif finding.kind == "half-retried":
        spool.retry(finding.path, reason_at(spool.failed, finding.path))


def _fail_orphan(spool: Spool, name: str) -> None:
    """Move a file that belongs to no job to failed/, with a reason that says where it was."""
    where = names.printable(name)
    job = spool.adopt(name)
    spool.fail(job, _reason(spool, job.name, f"it was found as work/{where}, in no job"))


def _give_reason(spool: Spool, name: str) -> None:
    """Put a reason beside a failed file that has none. Raise FileNotFoundError if the file is gone."""
    with Folder.at(spool.failed) as failed, failed.holder(name) as holder:
        last = name.rpartition("/")[2]
        if holder.stat(last) is None:
            raise FileNotFoundError(name)
        holder.write(reason_of(last), json_file.dump(_reason(spool, name, "no reason was beside it")))


def _reason(spool: Spool, name: str, message: str) -> dict[str, Any]:
    unknown = DocumentError("unknown", message, "if it is a document, `ocrspool retry` has it read", stage="audit")
    return reason(unknown, name, spool.name, job=None, attempts=0)
