"""Jobs on threads of their own, for real: begun, counted, ended well or not."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from ocrspool.config import Config
from ocrspool.in_work import InWork, job_count
from ocrspool.wake import Wake
from waiting import wait_until


@pytest.fixture
def in_work(wake: Wake) -> Iterator[InWork]:
    """Room for two jobs."""
    made = InWork(2, wake)
    yield made
    made.close()


def test_they_are_there_until_they_end(in_work: InWork, wake: Wake) -> None:
    """Two of one inbox count twice; each end wakes whoever waits for one."""
    ends = [threading.Event(), threading.Event()]
    for end in ends:
        assert not in_work.full()
        in_work.begin("scans", lambda end=end: end.wait(60))  # type: ignore[misc] # what it returns is nobody's concern
    assert in_work.full()
    assert (len(in_work), in_work.inboxes()) == (2, frozenset({"scans"}))
    assert not wake.wait(0)
    ends[0].set()
    assert wake.wait(60)
    assert (len(in_work), in_work.inboxes()) == (1, frozenset({"scans"}))
    ends[1].set()
    assert wake.wait(60)
    assert (len(in_work), in_work.inboxes()) == (0, frozenset())


def test_one_that_fails_has_ended_too(in_work: InWork, wake: Wake) -> None:
    """A bug in one job takes no place from the others for ever."""

    def fail() -> None:
        raise RuntimeError("a bug")

    for _ in range(5):
        in_work.begin("scans", fail)
        wait_until(lambda: not in_work)
    assert wake.wait(60)


def test_closing_waits_for_them(in_work: InWork) -> None:
    """After it no job is on its way."""
    end = threading.Event()
    ended = []
    in_work.begin("scans", lambda: ended.append(end.wait(60)))
    threading.Timer(0.05, end.set).start()
    in_work.close()
    assert ended == [True]
    assert not in_work


def test_as_many_as_fill_two_batches() -> None:
    """While one is recognized the next one forms, for each worker on each device; and every decoder has a file."""
    config = Config.model_validate({"service": {"decoders": 3, "batch_pages": 8, "workers": 2}})
    assert job_count(config) == 3 + 2 * 8 * 2
    two = config.model_copy(update={"engine": config.engine.model_copy(update={"devices": ("gpu:0", "gpu:1")})})
    assert job_count(two) == 3 + 2 * 8 * 2 * 2
