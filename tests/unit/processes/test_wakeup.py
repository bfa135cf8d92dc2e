"""The flag that ends a wait."""

from __future__ import annotations

import os
import signal
import threading

from ocrspool.processes.wakeup import WakeupEvent


def test_set_before_and_during_a_wait(wake: WakeupEvent) -> None:
    """However often it was set, one wait ends at once and clears it; the next ends by another thread's setting it."""
    for _ in range(3):
        wake.set()
    assert wake.wait(60)
    assert not wake.wait(0)
    setter = threading.Timer(0.01, wake.set)
    setter.start()
    assert wake.wait(60)
    setter.join()


def test_no_time_is_a_look(wake: WakeupEvent) -> None:
    """A wait whose end has passed does not raise."""
    assert not wake.wait(-1)
    wake.set()
    assert wake.wait(-1)


def test_set_without_end(wake: WakeupEvent) -> None:
    """A counter that is full is as good as set."""
    os.eventfd_write(wake._fd, 2**64 - 2)
    wake.set()
    assert wake.wait(60)
    assert not wake.wait(0)


def test_set_by_a_signal_handler(wake: WakeupEvent) -> None:
    """A handler that interrupts the very thread that waits, or sets, ends the wait and locks nothing up."""
    before = signal.signal(signal.SIGUSR1, lambda *_: wake.set())
    try:
        sender = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR1))
        sender.start()
        assert wake.wait(60)
        sender.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_children_do_not_have_it(wake: WakeupEvent) -> None:
    """The descriptor is closed in programs that are started."""
    assert not os.get_inheritable(wake._fd)


def test_after_the_end_it_touches_no_descriptor() -> None:
    """The descriptor is released once, and what has its number afterwards is neither written to nor closed."""
    wake = WakeupEvent()
    number = wake._fd
    wake.close()
    reading, writing = os.pipe()
    try:
        os.dup2(reading, number)
        wake.set()
        wake.close()
        os.fstat(number)
    finally:
        for descriptor in {reading, writing, number}:
            os.close(descriptor)
