"""A lack of threads or processes: told once, waited for, over when a thread can be started."""

from __future__ import annotations

import threading

import pytest

from ocrspool.processes.shortage import Shortage


def test_it_pauses_and_passes(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Each failure in a row makes the pause longer, up to a limit; nobody tries before it has passed."""
    caplog.set_level("INFO")
    now = [100.0]
    tries: list[float] = []

    def fail(_thread: threading.Thread) -> None:
        tries.append(now[0])
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("ocrspool.processes.shortage.time.monotonic", lambda: now[0])
    shortage = Shortage()
    assert shortage.over()
    with monkeypatch.context() as few:
        few.setattr(threading.Thread, "start", fail)
        shortage.note(RuntimeError("can't start new thread"))
        for _ in range(60):
            now[0] += 1.0
            assert not shortage.over()
        assert tries == [101.0, 103.0, 107.0, 115.0, 130.0, 145.0, 160.0]
        assert "can't start new thread" in shortage.shortage_reason
    now[0] += 15.0
    assert shortage.over()
    assert not shortage.shortage_reason
    assert caplog.text.count("nothing is claimed until one can") == 1
    assert caplog.text.count("can be started again") == 1
