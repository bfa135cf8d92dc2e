"""What gets no processor is told from what hangs and from what computes, on real processes."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from ocrspool.processes.processor_time import ProcessorUse, is_starved, processor_seconds, use_of, wait_for
from support.waiting import wait_until

NewProcess = Callable[[str], int]


@pytest.fixture
def new_process() -> Iterator[NewProcess]:
    """Starts Python on a text, and ends it."""
    started: list[subprocess.Popen[bytes]] = []

    def start(text: str) -> int:
        started.append(subprocess.Popen([sys.executable, "-I", "-S", "-c", text]))
        return started[-1].pid

    yield start
    for each in started:
        each.kill()
        each.wait()


@pytest.mark.parametrize(
    ("before", "after", "starved"),
    [
        (ProcessorUse("R", 1.0), ProcessorUse("R", 1.01), True),
        (ProcessorUse("S", 1.0), ProcessorUse("R", 1.0), True),
        (ProcessorUse("R", 1.0), ProcessorUse("R", 1.5), False),
        (ProcessorUse("S", 1.0), ProcessorUse("S", 1.0), False),
        (ProcessorUse("T", 1.0), ProcessorUse("T", 1.0), False),
        (ProcessorUse("D", 1.0), ProcessorUse("D", 1.0), False),
        (None, ProcessorUse("R", 1.0), False),
        (ProcessorUse("R", 1.0), None, False),
    ],
)
def test_who_is_starved(before: ProcessorUse | None, after: ProcessorUse | None, *, starved: bool) -> None:
    """Who wants a processor and has it for less than half of the time. Looks are half a second apart."""
    assert is_starved(before, after, 0.5) == starved


def test_what_the_kernel_says_of_processes(new_process: NewProcess) -> None:
    """Of one that computes, one that is stopped, and none."""
    pid = new_process("while True: pass")
    wait_until(lambda: (found := use_of(pid)) and found.seconds > 0.1 and found.state == "R")
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: (found := use_of(pid)) and found.state == "T")
    assert use_of(2**22 + 1) is None


class Silent:
    """Something that never comes; it knows how long it was waited for."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    def arrives(self, seconds: float) -> bool:
        self.waited.append(seconds)
        return False


def test_who_hangs_is_given_up(new_process: NewProcess) -> None:
    """One more look is all that it gets."""
    pid = new_process("import time; time.sleep(1000)")
    wait_until(lambda: (found := use_of(pid)) and found.state == "S")
    silent = Silent()
    with pytest.raises(TimeoutError):
        wait_for(silent.arrives, pid, 1.0)
    assert silent.waited == [1.0, 0.5]


def test_who_gets_no_processor_is_waited_for(new_process: NewProcess) -> None:
    """Here one that wants it, and is looked at again so soon that it can have had nothing."""
    pid = new_process("while True: pass")
    wait_until(lambda: (found := use_of(pid)) and found.state == "R")
    answers = iter([False, False, False, True])
    wait_for(lambda _: next(answers), pid, 10.0)
    assert next(answers, None) is None


def test_who_was_frozen_is_waited_for(new_process: NewProcess) -> None:
    """The time is over at once, as after a freeze of all processes. It computes, and has not computed for so long."""
    pid = new_process("while True: pass")
    wait_until(lambda: (found := use_of(pid)) and found.seconds > 0.1)
    looks: list[float] = []

    def arrives(seconds: float) -> bool:
        looks.append(seconds)
        if seconds == 0.5:
            had = processor_seconds(pid)
            wait_until(lambda: processor_seconds(pid) > had + 0.3)
        return len(looks) == 4

    wait_for(arrives, pid, 10.0)
    assert looks == [10.0, 0.5, 0.5, 0.5]


def test_the_time_of_a_process_is_that_of_the_kernel(new_process: NewProcess) -> None:
    pid = new_process("while True: pass")
    wait_until(lambda: (found := use_of(pid)) and found.seconds > 0.1)
    before = processor_seconds(pid)
    assert (found := use_of(pid)) is not None
    assert before - 0.05 <= found.seconds <= processor_seconds(pid) + 0.05
    assert processor_seconds(2**22 + 1) == -math.inf


def test_the_end_of_patience(new_process: NewProcess) -> None:
    """Ten times as long as of another process."""
    pid = new_process("while True: pass")
    wait_until(lambda: (found := use_of(pid)) and found.state == "R")
    silent = Silent()
    with pytest.raises(TimeoutError):
        wait_for(silent.arrives, pid, 2.0)
    assert sum(silent.waited) == 20.0
