"""Counts of what was done, by many threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ocrspool.observability.snapshot import InboxCounts
from ocrspool.observability.statistics import Count, JobStatistics


def document(inbox: str, pages: int = 1, lost: int = 0, warnings: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what a tally looks at of a document that was delivered."""
    return {"inbox": inbox, "pages": pages, "lost": lost, "warnings": warnings}


def test_counts_add_up() -> None:
    """Each outcome is counted once, in its inbox and in the total."""
    tally = JobStatistics()
    tally.done(document("a", 3), {})
    tally.done(document("a", 2, lost=1), {})
    tally.done(document("b", 1, warnings=("reduced", "unread-script")), {})
    tally.done(document("b", 1, warnings=("reduced",)), {})
    tally.failed({"inbox": "b", "kind": "damaged"})
    tally.failed({"inbox": "c", "kind": "encrypted"})
    total = tally.total()
    assert total == Count(4, 1, 2, 7, warned=2, warnings={"reduced": 2, "unread-script": 1})
    assert tally.by_inbox() == {
        "a": InboxCounts(done=2, partial=1, pages=5),
        "b": InboxCounts(done=2, failed=1, pages=2, warned=2, warnings=total.warnings),
        "c": InboxCounts(failed=1),
    }


def test_codes_that_are_made_up_do_not_fill_the_memory() -> None:
    """Each of the first ones has its count; all others share one."""
    tally = JobStatistics()
    for number in range(1000):
        tally.done(document("a", warnings=(f"x{number}",)), {})
    warnings = tally.total().warnings
    assert len(warnings) == 51
    assert warnings["other"] == 950
    assert sum(warnings.values()) == tally.total().warned == 1000


def test_the_last_failures_are_kept() -> None:
    """Only the newest ten, newest first: a flood of bad files does not fill the memory."""
    tally = JobStatistics()
    for number in range(1000):
        tally.failed({"inbox": "a", "job": str(number)})
    assert [failure.job for failure in tally.failures()] == [str(number) for number in range(999, 989, -1)]
    assert tally.total().failed == 1000


def test_no_rate_without_work() -> None:
    """Nothing done is 0 pages a second; something done is more, and never more than was done in a second."""
    tally = JobStatistics()
    assert tally.rates() == (0, 0)
    tally.done(document("a", 30), {})
    tally.failed({"inbox": "a"})
    files_per_minute, pages_per_second = tally.rates()
    assert 0 < pages_per_second <= 30
    assert 0 < files_per_minute <= 120


class Attempt:
    """What a job says of itself."""

    def __init__(self, job: str) -> None:
        self.job = job

    def snapshot(self) -> dict[str, Any]:
        return {"job": self.job}

    def __eq__(self, other: object) -> bool:
        raise AssertionError("an attempt is itself, whatever it holds by now")

    __hash__ = None  # type: ignore[assignment]


def test_attempts_are_seen_while_they_go_on() -> None:
    """In the order in which they began; one that ends by an error is gone too."""
    tally = JobStatistics()

    def fail() -> None:
        with tally.watching(Attempt("second")):
            assert [job.job for job in tally.jobs()] == ["first", "second"]
            raise OSError("disk")

    with tally.watching(Attempt("first")):
        with pytest.raises(OSError, match="disk"):
            fail()
        assert [job.job for job in tally.jobs()] == ["first"]
    assert tally.jobs() == ()


@pytest.mark.slow
def test_many_threads() -> None:
    """Nothing is lost, and a reader never trips over an inbox that appears while it looks."""
    tally = JobStatistics()

    def work(number: int) -> None:
        for turn in range(200):
            tally.done(document(f"{number}-{turn % 50}"), {})
            tally.failed({"inbox": f"{number}"})
            tally.by_inbox()
            tally.rates()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert tally.total() == Count(done=1600, failed=1600, pages=1600)
