"""A disk that does not answer is known by steps that do not end."""

from __future__ import annotations

import pytest

from ocrspool.spool.disk_steps import HANGS_SECONDS, SLOW_SECONDS, DiskSteps


class Clock:
    """Time, moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("ocrspool.spool.disk_steps.time.monotonic", made)
    return made


def test_a_step_that_does_not_end(clock: Clock) -> None:
    """First it is slow, then it hangs, since it began; when it ends all is well."""
    steps = DiskSteps()
    with steps.step():
        assert steps.going_on()
        assert not steps.slow()
        clock.now += SLOW_SECONDS + 0.1
        assert steps.slow()
        assert steps.hangs_since() is None
        clock.now += HANGS_SECONDS
        assert steps.hangs_since() == 100.0
    assert not steps.going_on()
    assert not steps.slow()
    assert steps.hangs_since() is None


def test_many_that_wait_for_each_other(clock: Clock) -> None:
    """While one after the other ends the disk answers, however long each has been at it."""
    steps = DiskSteps()
    begun = [steps.step("deliver") for _ in range(50)]
    for step in begun:
        step.__enter__()
    for step in begun[:-1]:
        clock.now += SLOW_SECONDS * 0.9
        assert not steps.slow()
        assert steps.hangs_since() is None
        step.__exit__(None, None, None)
    clock.now += SLOW_SECONDS + 0.1
    assert steps.slow(), "the last one does not end"
    begun[-1].__exit__(None, None, None)


def test_another_disk_that_answers_is_no_comfort(clock: Clock) -> None:
    """Steps of one kind end, those of another do not: an outbox may lie on a disk of its own."""
    steps = DiskSteps()
    with steps.step("deliver"):
        for _ in range(5):
            clock.now += SLOW_SECONDS
            with steps.step():
                pass
        assert steps.slow()


def test_a_step_of_many_parts(clock: Clock) -> None:
    """Each part that ends shows that the disk answers; and a long step may have more patience."""
    steps = DiskSteps()
    with steps.step("scan", 5.0) as renew:
        for _ in range(5):
            clock.now += 4.0
            renew()
        assert not steps.slow()
        assert steps.hangs_since() is None
        clock.now += 5.1
        assert steps.slow()
