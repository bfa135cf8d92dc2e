"""Where a source can go in done/ or failed/: names that nothing has."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

from ocrspool.files import names
from ocrspool.files.target_path import Place, target_path
from ocrspool.spool.failure_reason import REASON_SUFFIX, reason_of
from ocrspool.spool.jobs import Job


def free_places(root: Path, job: Job, *, with_reason: bool = False) -> Iterator[Place]:
    """Yield places under `root` for the source of a job: its name, that tagged with the job's id, and one at random.

    The first is left out where anything has it. With `with_reason` there has to be room for a reason beside it, and it
    is not called like a reason itself: which is which would depend on what people have taken away.
    """
    for number in range(3):
        name = job.name
        if number:
            name = names.tagged(name, job.id if number == 1 else f"{job.id}-{secrets.token_hex(4)}")
        place = target_path(root, name, job.id)
        if not number and _is_taken(place, with_reason=with_reason):
            place.folder.close()
        else:
            yield place


def _is_taken(place: Place, *, with_reason: bool) -> bool:
    if place.folder.stat(place.name) is not None:
        return True
    if not with_reason:
        return False
    return place.name.endswith(REASON_SUFFIX) or place.folder.stat(reason_of(place.name)) is not None
