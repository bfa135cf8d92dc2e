"""When a file has cost enough: it was tried too often, or takes too long. Pure functions."""

from __future__ import annotations

from ocrspool.errors import DocumentError
from ocrspool.spool.jobs import Job

_INTERRUPTIONS = 20
"""A file that was in work so often when the service died is given up, because it may be what kills the machine."""
_DEATHS_OF_A_PAGE = 2
"""A page at which so many decoders have died is not tried again. One death may be chance."""
_DEATHS_OF_A_DOCUMENT = 10
"""A document that has cost more decoders than this is given up at its next page, whichever pages they died at."""


_UNREAD_TIMES = 60
"""A file whose disk has failed so often when it was read is given up. The pauses make a quarter of an hour of that."""


def refuse_if_unreadable(times: int) -> None:
    """Raise DocumentError for a file that could not be read so many times in a row, because of its disk."""
    if times >= _UNREAD_TIMES:
        raise DocumentError(
            "io",
            f"the file could not be read, {times} times in a row: its disk or its network share fails there",
            "check the disk or the share; then `ocrspool retry` puts the file back",
            stage="open",
        )


def refuse_if_spent(job: Job, attempts: int) -> None:
    """Raise DocumentError for a job that has used up its attempts, or was in work too often when the service died."""
    if job.attempts >= attempts:
        raise DocumentError(
            "crash",
            f"a process died or gave up on this file {job.attempts} times",
            "the log has each cause; when that is mended, `ocrspool retry` puts the file back",
            stage="recognize",
        )
    if job.interruptions >= _INTERRUPTIONS:
        raise DocumentError(
            "crash",
            f"the service was killed {job.interruptions} times with this file in work",
            "if it is innocent, `ocrspool retry` puts it back",
            stage="recognize",
        )


def refuse_if_deadly(job: Job) -> None:
    """Raise DocumentError for a document that cost too many decoders."""
    if len(job.deaths) > _DEATHS_OF_A_DOCUMENT:
        pages = ", ".join(map(str, sorted(set(job.deaths))))
        raise DocumentError(
            "crash",
            f"decoders died of this file {len(job.deaths)} times, at the pages {pages}",
            "the log has how each of them ended; split those pages off, or raise limits.decoder_memory_mb",
        )


def refuse_deadly_page(job: Job, page: int) -> None:
    """Raise DocumentError for a page, counted from 1, that ended decoders before."""
    if job.deaths.count(page) >= _DEATHS_OF_A_PAGE:
        raise DocumentError(
            "crash",
            f"the decoder died of this page {_DEATHS_OF_A_PAGE} times",
            "it is damaged, or made to do so, or takes more than limits.decoder_memory_mb; the log has how each ended",
            page=page,
        )


def too_slow(seconds: float, pages: int) -> DocumentError:
    """Return the error of a document that has taken longer than `seconds`. `pages` of it were read."""
    return DocumentError(
        "timeout",
        f"the document took longer than {seconds:g} s; {pages} pages were read",
        "split it, or raise limits.document_seconds",
    )
