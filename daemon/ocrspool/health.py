"""Answers who asks how the service is: /livez, /readyz and /metrics, on a loopback port or a Unix socket.

One request at a time, each with little patience: whoever asks slowly delays the next one asking, and nothing else.
Started only where the configuration says so.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from ocrspool import metrics
from ocrspool.errors import ConfigError

_log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 2.0
_PLAIN = "text/plain; charset=utf-8"

Facts = Callable[[], Mapping[str, Any]]
"""Returns what the service has published last."""
Alive = Callable[[], bool]
"""Tells whether the main loop turns, the watcher lives and no worker hangs."""


class Health:
    """A thread that answers. `close` ends it."""

    def __init__(self, listen: str, facts: Facts, alive: Alive) -> None:
        """Begin to listen. Raise ConfigError where that cannot be done."""
        self._socket = Path(listen) if listen.startswith("/") else None
        try:
            self._server = _server(listen, _answers(facts, alive))
        except OSError as error:
            raise ConfigError([f"metrics.listen: {listen}: {error.strerror}"]) from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="health")
        self._thread.start()
        _log.info("health and metrics: %s", listen)

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        if self._socket is not None:
            self._socket.unlink(missing_ok=True)


def _server(listen: str, answer: type[BaseHTTPRequestHandler]) -> HTTPServer:
    if listen.startswith("/"):
        Path(listen).unlink(missing_ok=True)  # of a service that was killed: a living one holds the spool's lock
        return _UnixServer(listen, answer)  # type: ignore[arg-type]  # typeshed thinks of TCP only
    host, _, port = listen.rpartition(":")
    kind = _Server6 if ":" in host else _Server
    return kind((host.strip("[]"), int(port)), answer)


class _Server(HTTPServer):
    def server_bind(self) -> None:
        """Bind without asking the network for our own name, as the library's does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "localhost", 0


class _Server6(_Server):
    address_family = socket.AF_INET6


class _UnixServer(_Server):
    address_family = socket.AF_UNIX


def _answers(facts: Facts, alive: Alive) -> type[BaseHTTPRequestHandler]:
    """Return the handler of one request."""

    class Answer(BaseHTTPRequestHandler):
        timeout = _PATIENCE_SECONDS
        server_version, sys_version = "ocrspool", ""

        def do_GET(self) -> None:
            paths = {"/livez": self._live, "/readyz": self._ready, "/metrics": self._metrics}
            answer = paths.get(self.path.partition("?")[0])
            if answer is None:
                self._send(HTTPStatus.NOT_FOUND, f"there are {', '.join(paths)}\n".encode())
            else:
                answer()

        def _live(self) -> None:
            if alive():
                self._send(HTTPStatus.OK, b"alive\n")
            else:
                self._send(HTTPStatus.SERVICE_UNAVAILABLE, b"stuck: the log has more\n")

        def _ready(self) -> None:
            state = facts()["state"] if alive() else "stuck"
            good = state == "ready"
            self._send(HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE, f"{state}\n".encode())

        def _metrics(self) -> None:
            self._send(HTTPStatus.OK, metrics.exposition(facts()), metrics.CONTENT_TYPE)

        def _send(self, status: HTTPStatus, body: bytes, kind: str = _PLAIN) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, form: str, *values: object) -> None:
            """Log as everything else is logged, and only for who looks closely."""
            _log.debug(form, *values)

    return Answer
