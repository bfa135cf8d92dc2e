"""Answer health checks: /livez, /readyz and /metrics. status_page.py answers requests for people.

It is started only if the configuration asks for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from ocrspool.errors import ConfigError
from ocrspool.observability.snapshot import StatusSnapshot
from ocrspool.web import metrics
from ocrspool.web.server import Reply, bound, plain

_log = logging.getLogger(__name__)

Published = Callable[[], StatusSnapshot]
"""Returns what the service has published last."""
Alive = Callable[[], bool]
"""Tells whether the main loop turns, the threads of the inboxes live and no worker hangs."""


class Page(Protocol):
    """Answers people. It returns None where it has nothing of this name."""

    def get(self, path: str, headers: Mapping[str, str]) -> Reply | None:
        """Answer a request to see something."""

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply | None:
        """Answer a request to do something."""


class Health:
    """A thread that answers. `close` ends it."""

    def __init__(self, listen: str, published: Published, alive: Alive, page: Page | None = None) -> None:
        """Begin to listen. Raise ConfigError where that cannot be done."""
        self._socket = Path(listen) if listen.startswith("/") else None
        try:
            self._server = bound(listen, _Answers(published, alive, page))
        except OSError as error:
            raise ConfigError([f"metrics.listen: {listen}: {error.strerror}"]) from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="health", daemon=True)
        self._thread.start()
        _log.info("health and metrics: %s", listen)

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        if self._socket is not None:
            self._socket.unlink(missing_ok=True)


class _Answers:
    """Looks for health first, so that a fault of the page cannot keep health from being answered."""

    def __init__(self, published: Published, alive: Alive, page: Page | None) -> None:
        self._published = published
        self._alive = alive
        self._page = page
        self._paths = {"/livez": self._live, "/readyz": self._ready, "/metrics": self._metrics}

    def get(self, path: str, headers: Mapping[str, str]) -> Reply:
        """Answer a request to see something."""
        if (answer := self._paths.get(path)) is not None:
            return answer()
        reply = None if self._page is None else self._page.get(path, headers)
        return reply or plain(HTTPStatus.NOT_FOUND, f"there are {', '.join(self._paths)}")

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer a request to do something."""
        reply = None if self._page is None else self._page.post(path, headers, body)
        return reply or plain(HTTPStatus.NOT_IMPLEMENTED, "nothing takes this")

    def _live(self) -> Reply:
        if self._alive():
            return plain(HTTPStatus.OK, "alive")
        return plain(HTTPStatus.SERVICE_UNAVAILABLE, "stuck: the log has more")

    def _ready(self) -> Reply:
        state = self._published().state if self._alive() else "stuck"
        return plain(HTTPStatus.OK if state == "ready" else HTTPStatus.SERVICE_UNAVAILABLE, state)

    def _metrics(self) -> Reply:
        return Reply(HTTPStatus.OK, metrics.exposition(self._published()), {"Content-Type": metrics.CONTENT_TYPE})
