"""HTTP on a loopback port or a Unix socket: requests in, replies out. What is asked and answered is not known here.

A few requests at a time, each with little patience: whoever asks slowly delays others who ask, and nothing else.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any, BinaryIO, Protocol

_log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 2.0
_AT_A_TIME = 8
_MOST_BYTES = 4096
"""Of what is sent with a request."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back."""

    status: HTTPStatus
    body: bytes | BinaryIO = b""
    """A file is sent up to its present end, and closed."""
    headers: Mapping[str, str] = field(default_factory=dict)


class Answers(Protocol):
    """Who knows what to reply. Asked by several threads; names of headers are in lower case."""

    def get(self, path: str, headers: Mapping[str, str]) -> Reply:
        """Answer a request to see something."""

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer a request to do something."""


def plain(status: HTTPStatus, text: str, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a line of text as a reply."""
    return Reply(status, f"{text}\n".encode(), {"Content-Type": "text/plain; charset=utf-8", **(headers or {})})


def bound(listen: str, answers: Answers) -> HTTPServer:
    """Return a server that listens, at an address or a path, and has still to be run. Raise OSError."""
    if listen.startswith("/"):
        Path(listen).unlink(missing_ok=True)  # of a service that was killed: a living one holds the spool's lock
        return _UnixServer(listen, answers)
    host, _, port = listen.rpartition(":")
    kind = _Server6 if ":" in host else _Server
    return kind((host.strip("[]"), int(port)), answers)


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True  # a reader that takes its time does not keep the service from ending

    def __init__(self, address: Any, answers: Answers) -> None:  # noqa: ANN401 - a path, or host and port
        self.answers = answers
        self._places = threading.BoundedSemaphore(_AT_A_TIME)
        super().__init__(address, _Request)

    def server_bind(self) -> None:
        """Bind without asking the network for our own name, as the library's does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "localhost", 0

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's own types
        """Answer in a thread of its own, when there is a place for one; who waits too long is sent away."""
        if self._places.acquire(timeout=_PATIENCE_SECONDS):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - likewise
        """Answer, and make room for the next."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401, ARG002 - likewise
        """Log what ended a request early: a client that has gone, most likely."""
        _log.debug("a request was not answered", exc_info=True)


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
        self._send(self.server.answers.get(self._path(), self._lower()))

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal() and int(length) <= _MOST_BYTES):
            self._send(plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "say how much is sent, and not so much"))
            return
        self._send(self.server.answers.post(self._path(), self._lower(), self.rfile.read(int(length))))

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
        """Log as everything else is logged, and only for who looks closely."""
        _log.debug(form, *values)
