"""When a file has cost enough."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ocrspool.errors import DocumentError
from ocrspool.pipeline.retry_policy import refuse_deadly_page, refuse_if_deadly, refuse_if_spent, too_slow
from ocrspool.spool.jobs import Job

JOB = Job("1", "scans", "a.png", Path("/a.png"))


@pytest.mark.parametrize(("attempts", "interruptions", "refused"), [
    (0, 0, ""), (2, 19, ""), (3, 0, "3 times"), (4, 0, "4 times"), (0, 20, "killed 20 times"),
])  # fmt: skip
def test_attempts_and_interruptions(attempts: int, interruptions: int, refused: str) -> None:
    """A file may cost three attempts here. What ended the service twenty times may be what kills the machine."""
    job = replace(JOB, attempts=attempts, interruptions=interruptions)
    if not refused:
        refuse_if_spent(job, 3)
        return
    with pytest.raises(DocumentError, match=refused) as caught:
        refuse_if_spent(job, 3)
    assert (caught.value.kind, caught.value.stage) == ("crash", "recognize")
    assert "ocrspool retry" in caught.value.hint


def test_pages_that_decoders_die_of() -> None:
    """Once may be chance, twice is not; the other pages are not to blame."""
    job = replace(JOB, deaths=(2, 7, 7))
    refuse_deadly_page(job, 1)
    refuse_deadly_page(job, 2)
    with pytest.raises(DocumentError, match="2 times") as caught:
        refuse_deadly_page(job, 7)
    assert caught.value.page == 7


def test_documents_that_decoders_die_of() -> None:
    """Ten deaths are borne. The eleventh ends it, and the reason names the pages."""
    refuse_if_deadly(replace(JOB, deaths=(1, 2) * 5))
    with pytest.raises(DocumentError, match=r"11 times, at the pages 1, 2, 3$"):
        refuse_if_deadly(replace(JOB, deaths=(*(1, 2) * 5, 3)))


def test_too_slow_names_its_limit() -> None:
    """And how far it got."""
    error = too_slow(90, 12)
    assert error.kind == "timeout"
    assert error.message == "the document took longer than 90 s; 12 pages were read"
    assert "limits.document_seconds" in error.hint
