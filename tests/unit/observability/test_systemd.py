"""What systemd hears, at a real notification socket."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocrspool.errors import ConfigError
from ocrspool.observability.systemd import Notifier
from support.waiting import wait_until


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The manager's end."""
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listener


def close(notifier: Notifier) -> None:
    """Close the library's socket, which it never does itself."""
    if notifier._systemd is not None:
        notifier._systemd.socket.close()


def heard(listener: socket.socket) -> list[str]:
    """Return every datagram that has come."""
    messages = []
    with contextlib.suppress(BlockingIOError):
        while True:
            messages.append(listener.recv(4096).decode())
    return messages


def test_what_systemd_hears(systemd: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each report is one datagram, in order; the same status is sent once."""
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    notifier = Notifier()
    for status in ("loading", "loading", "ready · 0 waiting", "loading"):
        notifier.status(status)
    notifier.ready()
    notifier.keepalive()
    notifier.keepalive()
    notifier.stopping()
    notifier.extend(1.5)
    notifier.failed(78)
    notifier.failed(74, 28)
    assert heard(systemd) == [
        "STATUS=loading", "STATUS=ready · 0 waiting", "STATUS=loading", "READY=1", "WATCHDOG=1", "WATCHDOG=1",
        "STOPPING=1", "EXTEND_TIMEOUT_USEC=1500000", "EXIT_STATUS=78", "EXIT_STATUS=74\nERRNO=28",
    ]  # fmt: skip
    close(notifier)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OSError("no room"), "failed: no room"),
        (ConfigError(["a: wrong", "b: wrong", "c: wrong"]), "failed: a: wrong (and 2 more, in the log)"),
        (AssertionError(), "failed: AssertionError"),
    ],
)
def test_last_words(systemd: socket.socket, error: Exception, status: str) -> None:
    """The reason of a failure is one line, because systemd shows it as one."""
    notifier = Notifier()
    notifier.last_words(error)
    assert heard(systemd) == [f"STATUS={status}"]
    close(notifier)


def test_text_of_any_language(systemd: socket.socket) -> None:
    """A status that is not Latin-1 arrives in UTF-8, as systemd wants it."""
    notifier = Notifier()
    notifier.status("模型 → €")
    assert heard(systemd) == ["STATUS=模型 → €"]
    close(notifier)


def test_reloading(systemd: socket.socket) -> None:
    """systemd wants to know when, on its own clock, in the same datagram (Type=notify-reload)."""
    notifier = Notifier()
    notifier.reloading()
    (message,) = heard(systemd)
    assert message.startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert message.rpartition("=")[2].isdigit()
    close(notifier)


@pytest.mark.slow
def test_patience(systemd: socket.socket) -> None:
    """While something slow goes on systemd is asked again and again to wait, and no longer than that."""
    notifier = Notifier()
    with notifier.extend_timeout_while(60):
        for _ in range(2):
            (message,) = wait_until(lambda: heard(systemd))
            assert re.fullmatch(r"EXTEND_TIMEOUT_USEC=[1-9]\d+", message)
    heard(systemd)
    with notifier.extend_timeout_while(0):
        pass
    assert heard(systemd) == []
    close(notifier)


def test_an_abstract_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that begins with @ is in the abstract namespace."""
    name = f"ocrspool-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(0)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notifier = Notifier()
        notifier.ready()
        assert heard(listener) == ["READY=1"]
        close(notifier)


def test_elsewhere_nothing_is_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Without systemd all of it does nothing, silently."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    notifier = Notifier()
    notifier.ready()
    notifier.keepalive()
    notifier.status("x")
    with notifier.extend_timeout_while(60):
        notifier.stopping()
    assert caplog.records == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # sdnotify leaves its socket open
def test_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A socket that is not there is reported, because a readiness that never arrives looks like a hang."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "none"))
    Notifier().ready()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert str(tmp_path / "none") in record.getMessage()


def test_systemd_stops_listening(systemd: socket.socket, caplog: pytest.LogCaptureFixture) -> None:
    """A message that cannot be sent is logged, not raised: the work goes on."""
    notifier = Notifier()
    systemd.close()
    notifier.ready()
    assert "did not take 'READY=1'" in caplog.text
    close(notifier)


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [
        ("10000000", None, 5.0),
        pytest.param("10000000", str(os.getpid()), 5.0, id="ours"),
        ("10000000", "1", None),
        (None, None, None),
        ("", None, None),
        ("0", None, None),
        ("soon", None, None),
    ],
)
def test_keepalive_is_due_at_half_the_time(
    monkeypatch: pytest.MonkeyPatch, usec: str | None, pid: str | None, seconds: float | None
) -> None:
    """Twice as often as systemd asks; never where it does not, or asks another process."""
    for name, value in (("NOTIFY_SOCKET", None), ("WATCHDOG_USEC", usec), ("WATCHDOG_PID", pid)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert Notifier().keepalive_seconds == seconds
