"""HTTP on a loopback port or a Unix socket: requests in, replies out. It knows nothing about their content.

Each request has a deadline, and so has each reply. When all places are taken, the oldest connection of the user or
address that has the most of them is ended. So a client that asks quickly always gets an answer.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any, BinaryIO, Protocol

_log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 2.0
"""For one read or write, and for the whole of a request."""
_REPLY_SECONDS = 30.0
_AT_A_TIME = 32
_HOSTS = ("localhost", "127.0.0.1", "[::1]")
_LENGTH = re.compile(r"[0-9]{1,9}")
_MOST_BYTES = 4096
"""Of what is sent with a request."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back."""

    status: HTTPStatus
    body: bytes | BinaryIO = b""
    """A file is sent up to the end that it has now, and closed."""
    headers: Mapping[str, str] = field(default_factory=dict)


class RequestHandler(Protocol):
    """Knows the replies. Several threads ask it. Names of headers are in lower case."""

    def get(self, path: str, headers: Mapping[str, str]) -> Reply:
        """Answer a request to see something."""

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer a request to do something."""


def plain(status: HTTPStatus, text: str, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a line of text as a reply."""
    return Reply(status, f"{text}\n".encode(), {"Content-Type": "text/plain; charset=utf-8", **(headers or {})})


def bound(listen: str, answers: RequestHandler) -> HTTPServer:
    """Return a server that listens at an address or a path. Its caller runs it. Raise OSError."""
    if listen.startswith("/"):
        Path(listen).unlink(
            missing_ok=True
        )  # left by a service that was killed: a living service would hold the lock of the spool
        return _UnixServer(listen, answers)
    host, _, port = listen.rpartition(":")
    kind = _Server6 if ":" in host else _Server
    return kind((host.strip("[]"), int(port)), answers)


def is_local(host: str) -> bool:
    """Tell whether a Host header names this machine itself. A web site whose name leads here has another one."""
    name, _, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "0")
    return name.lower() in _HOSTS and port.isdecimal()


@dataclass(slots=True)
class _Connection:
    """One open connection."""

    socket: socket.socket
    peer: str
    """Who has it: a user on a Unix socket, an address on a port."""
    deadline: float

    def end(self) -> None:
        """Make every read and write of its thread fail at once."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True  # a reader that takes its time does not keep the service from ending

    def __init__(self, address: Any, answers: RequestHandler) -> None:  # noqa: ANN401 - a path, or host and port
        self.answers = answers
        self._open: dict[socket.socket, _Connection] = {}
        """Oldest first."""
        self._lock = threading.Lock()
        super().__init__(address, _Request)

    def server_bind(self) -> None:
        """Bind without asking the network for our own name, as the library's does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "localhost", 0

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's own types
        """Answer in a thread of its own. If too many connections are open, one of them is ended."""
        with self._lock:
            self._open[request] = _Connection(request, _peer(request), time.monotonic() + _PATIENCE_SECONDS)
            if len(self._open) > _AT_A_TIME:
                self._end_one()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - likewise
        """Answer, and make room for the next."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.pop(request, None)

    def has_asked(self, request: socket.socket) -> None:
        """Note that the whole request has arrived. From now on the deadline of the reply counts."""
        with self._lock:
            if (connection := self._open.get(request)) is not None:
                connection.deadline = time.monotonic() + _REPLY_SECONDS

    def service_actions(self) -> None:
        """End connections that take too long. The thread that accepts connections calls this several times a second."""
        now = time.monotonic()
        with self._lock:
            for connection in [each for each in self._open.values() if each.deadline < now]:
                connection.end()
                del self._open[connection.socket]

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401, ARG002 - likewise
        """Log what ended a request early, which is mostly a client that has gone."""
        _log.debug("a request was not answered", exc_info=True)

    def _end_one(self) -> None:
        """End the oldest connection of the user or address that has the most."""
        most = Counter(each.peer for each in self._open.values()).most_common(1)[0][0]
        oldest = next(each for each in self._open.values() if each.peer == most)
        oldest.end()
        del self._open[oldest.socket]


def _peer(request: socket.socket) -> str:
    """Return who is at the other end: "user N" on a Unix socket (SO_PEERCRED, unix(7)), else the address."""
    if request.family == socket.AF_UNIX:
        _, user, _ = struct.unpack("3i", request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return f"user {user}"
    try:
        return str(request.getpeername()[0])
    except OSError:  # it has gone already
        return ""


class _Server6(_Server):
    address_family = socket.AF_INET6


class _UnixServer(_Server):
    address_family = socket.AF_UNIX


class _Request(BaseHTTPRequestHandler):
    """One request."""

    timeout = _PATIENCE_SECONDS
    server_version, sys_version = "ocrspool", ""
    server: _Server

    def do_GET(self) -> None:
        self.server.has_asked(self.connection)
        if self._is_for_us():
            self._send(self.server.answers.get(self._path(), self._lower()))

    def do_POST(self) -> None:
        if not self._is_for_us():
            return
        length = self.headers.get("Content-Length", "")
        if not _LENGTH.fullmatch(length) or int(length) > _MOST_BYTES:
            self._send(plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "say how much is sent, and not so much"))
            return
        body = self.rfile.read(int(length))
        self.server.has_asked(self.connection)
        self._send(self.server.answers.post(self._path(), self._lower(), body))

    def _is_for_us(self) -> bool:
        """Tell whether the request is for this machine, or refuse it.

        A program may leave the Host header out. A browser that a site makes ask us (DNS rebinding) never does.
        """
        host = self.headers.get("Host")
        if host is None or is_local(host):
            return True
        self._send(plain(HTTPStatus.MISDIRECTED_REQUEST, "ask for this as localhost, a proxy too (its Host header)"))
        return False

    def _path(self) -> str:
        return self.path.partition("?")[0]

    def _lower(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _send(self, reply: Reply) -> None:
        if isinstance(reply.body, bytes):
            self._begin(reply, len(reply.body))
            self.wfile.write(reply.body)
            return
        with reply.body as file:
            self._begin(reply, os.fstat(file.fileno()).st_size)
            shutil.copyfileobj(file, self.wfile)

    def _begin(self, reply: Reply, length: int) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, form: str, *values: object) -> None:
        """Log to the program's own log, at the debug level."""
        _log.debug(form, *values)
