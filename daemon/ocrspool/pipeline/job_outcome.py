"""How far a job got: to its outcome, or to where it has to wait."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ocrspool.config.job_options import NO_HOOKS, HookOptions
from ocrspool.errors import DocumentError
from ocrspool.spool.job_store import JobStore
from ocrspool.spool.jobs import Job


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What came of a job."""

    outcome: Literal["done", "failed"]
    job: Job
    files: tuple[Path, ...]
    """The result and the outputs beside it; or the failed file and its reason."""
    more: Mapping[str, str] = field(default_factory=dict)
    """Further variables for the hook, without their OCRSPOOL_."""
    hooks: HookOptions = NO_HOOKS
    """The commands that were configured when the file was claimed."""

    @property
    def command(self) -> tuple[str, ...]:
        """The command to run; empty where there is none."""
        return self.hooks.on_done if self.outcome == "done" else self.hooks.on_failed


@dataclass(frozen=True, slots=True)
class Stalled:
    """A job that cannot go on for now, because its disk fails, or because the machine is short of something."""

    job: Job
    problem: Exception
    again: Callable[[], JobOutcome | Stalled | None]
    """Goes on where the job stopped: pages that were read are not read again because a share is away."""
    leave: Callable[[], None]
    """Leaves the job in work/ for the next start, which costs it no attempt. May raise OSError."""


Ended = JobOutcome | Stalled | None
"""How far a job got. None: it is left in work/, or was given back to the inbox."""


def refuse_to_blame(error: DocumentError, store: JobStore) -> None:
    """Raise OSError in place of an error that says that the file took too long, where its disk does not answer."""
    if error.kind == "timeout" and store.hangs():
        raise OSError(errno.ETIMEDOUT, "the disk does not answer") from error
