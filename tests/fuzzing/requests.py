"""What a browser, or somebody else, sends to the port of health and metrics."""

from __future__ import annotations

import functools
import re
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

from fuzzing.target import Target
from ocrspool.observability.snapshot import StatusSnapshot
from ocrspool.web.health import _Answers
from ocrspool.web.server import _Request
from support.status_pages import World

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9]) [^\r\n]+\r\n")
_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n")


@functools.cache
def _server() -> SimpleNamespace:
    folder = tempfile.TemporaryDirectory(prefix="ocrspool-fuzz-")
    world = World(Path(folder.name))
    answers = _Answers(lambda: StatusSnapshot(state="ready", pid=1), lambda: True, world.page)
    return SimpleNamespace(answers=answers, has_asked=lambda _: None, folder=folder)


def request(data: bytes) -> None:
    """Whatever is sent is answered by HTTP, or its connection ends; the code raises nothing."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(5)
        theirs.sendall(data[:60_000])
        theirs.shutdown(socket.SHUT_WR)
        _Request(ours, ("", 0), _server())  # type: ignore[arg-type]
        ours.close()
        said = b""
        with suppress(ConnectionResetError):  # more was sent than was asked for
            while piece := theirs.recv(1 << 16):
                said += piece
    if not said or not said.startswith(b"HTTP/"):  # of HTTP 0.9, which has no head
        return
    head, _, body = said.partition(b"\r\n\r\n")
    assert _STATUS_LINE.match(head + b"\r\n"), head[:80]
    if (length := _LENGTH.search(head + b"\r\n")) and not data.startswith(b"HEAD"):
        assert int(length[1]) == len(body)


def _seeds() -> list[bytes]:
    paths = ("/", "/metrics", "/livez", "/readyz", "/view/j1", "/picture/j1", "/none")
    plain = [f"GET {path} HTTP/1.1\r\nHost: localhost:9464\r\n\r\n".encode() for path in paths]
    form = b"token=a&job=j2"
    head = "POST /retry HTTP/1.1\r\nHost: [::1]:9\r\nOrigin: http://localhost\r\nContent-Length: "
    return [*plain, f"{head}{len(form)}\r\n\r\n".encode() + form, f"{head}{'9' * 5000}\r\n\r\n".encode()]


TARGETS = (Target("http", request, _seeds),)
