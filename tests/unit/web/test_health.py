"""Who asks gets an answer that is true: over TCP and a Unix socket, however badly it asks."""

from __future__ import annotations

import contextlib
import socket
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ocrspool.errors import ConfigError
from ocrspool.observability.snapshot import State, StatusSnapshot
from ocrspool.web.health import Health
from support.http_client import ask, said

READY = StatusSnapshot(state="ready", pid=1)


class Asked:
    """A Health on a Unix socket. A test may change what has been published."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.snapshot = READY
        self.alive = True
        self.health = Health(str(path), lambda: self.snapshot, lambda: self.alive)

    def get(self, path: str) -> tuple[int, str]:
        return ask(self.path, path)


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    made = Asked(tmp_path / "health.sock")
    yield made
    made.health.close()
    assert not made.path.exists(), "the socket goes with the service"
    assert not [thread for thread in threading.enumerate() if thread.name == "health"]


def test_alive_and_ready(asked: Asked) -> None:
    """All is well: 200 for both."""
    assert asked.get("/livez") == (200, "alive\n")
    assert asked.get("/readyz") == (200, "ready\n")


@pytest.mark.parametrize("state", ["degraded", "stopping"])
def test_not_ready(asked: Asked, state: State) -> None:
    """Alive and not ready: whoever sends work elsewhere meanwhile should not kill it."""
    asked.snapshot = replace(READY, state=state)
    assert asked.get("/livez")[0] == 200
    assert asked.get("/readyz") == (503, f"{state}\n")


def test_stuck_is_neither(asked: Asked) -> None:
    """Facts that nobody refreshes any more are not believed."""
    asked.alive = False
    assert asked.get("/livez")[0] == 503
    assert asked.get("/readyz") == (503, "stuck\n")


def test_nothing_else_is_there(asked: Asked) -> None:
    """No files, no other methods."""
    assert asked.get("/etc/passwd")[0] == 404
    assert asked.get("/../../etc/passwd")[0] == 404
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(asked.path))
        client.sendall(b"POST /livez HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc")
        assert b" 501 " in client.recv(65536)


@pytest.mark.parametrize("rubbish", [b"", b"\x16\x03\x01\x02\x00\x01", b"GET " + b"x" * 70_000, b"\r\n\r\n"])
def test_rubbish_ends_with_its_connection(asked: Asked, rubbish: bytes) -> None:
    """Whoever says nothing, or nonsense, or too much, is sent away; the next one is answered."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(asked.path))
        client.sendall(rubbish)
        assert asked.get("/livez")[0] == 200


@pytest.mark.parametrize("length", ["9" * 5000, "4097", "-1", "1_0", "\u0663", "", "1.0"])
def test_a_length_that_is_none(asked: Asked, length: str) -> None:
    """It is answered, and not by the end of the connection."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(asked.path))
        client.sendall(f"POST /retry HTTP/1.0\r\nContent-Length: {length}\r\n\r\n".encode("latin-1", "replace"))
        assert b" 413 " in client.recv(65536)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/nothing"])
def test_a_site_whose_name_leads_here_reads_nothing(asked: Asked, path: str) -> None:
    """Not even numbers. Who names no host is no browser."""
    assert ask(asked.path, path, "evil.example:9464")[0] == 421
    assert ask(asked.path, "/livez", "localhost:9464")[0] == 200


def test_connections_that_say_nothing_keep_nobody_out(asked: Asked) -> None:
    """Many more than there are places: the oldest of them is ended, and a probe is answered at once."""
    with contextlib.ExitStack() as opened:
        for _ in range(60):
            client = opened.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(asked.path))
            client.sendall(b"GET /li")
            assert asked.get("/livez")[0] == 200


@pytest.mark.slow
def test_a_request_has_a_deadline_and_not_each_read(asked: Asked) -> None:
    """A byte now and then does not make it longer."""
    began = time.monotonic()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(asked.path))
        client.sendall(b"GET /livez HTTP/1.0\r\nX: ")
        client.settimeout(0.2)
        ended = False
        while not ended:
            assert time.monotonic() < began + 20
            try:
                client.sendall(b"x")
                ended = client.recv(100) == b""
            except TimeoutError:
                pass
            except (BrokenPipeError, ConnectionResetError):
                ended = True


def test_a_socket_left_by_a_killed_service_is_in_nobodys_way(tmp_path: Path) -> None:
    """SIGKILL leaves the file; the next start takes its place."""
    path = tmp_path / "health.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    made = Asked(path)
    assert made.get("/livez")[0] == 200
    assert stat.S_ISSOCK(path.stat().st_mode)
    made.health.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_a_loopback_port(host: str) -> None:
    """TCP, of either version."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        try:
            probe.bind((host.strip("[]"), 0))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        port = probe.getsockname()[1]
    health = Health(f"{host}:{port}", lambda: READY, lambda: True)
    try:
        with socket.create_connection((host.strip("[]"), port), 20) as client:
            assert said(client, "/readyz") == (200, "ready\n")
    finally:
        health.close()


def test_a_port_that_is_taken_is_a_wrong_configuration() -> None:
    """It says which setting, and why."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError) as caught:
            Health(listen, lambda: READY, lambda: True)
    assert caught.value.problems == [f"metrics.listen: {listen}: Address already in use"]
