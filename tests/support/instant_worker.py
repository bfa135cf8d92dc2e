"""A worker without an engine that answers at once: where the service counts, and not what reads (torture, soak).

Its `main` is run in place of `python -m ocrspool.recognition.child FD` (see worker_replacement). The text of a page is
a digest of its pixels, so whoever mixes up pages is found out.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ocrspool.engine_request import EngineRequest
from ocrspool.pages import PageText
from ocrspool.processes import lifetime
from ocrspool.processes.channel import Channel
from ocrspool.recognition.child.worker import Worker
from support.fixed_time_worker import FixedTimeEngine, FixedTimeEngines


class InstantEngine(FixedTimeEngine):
    """Reads a page while it is handed over."""

    def __init__(self, request: EngineRequest) -> None:
        super().__init__(request)
        self._seconds = 0.0

    def submit(self, descriptor: int, page: dict[str, Any], on_progress: Callable[[], None]) -> Future[PageText]:
        """Answer."""
        size = page["height"] * page["width"] * page["channels"]
        future: Future[PageText] = Future()
        future.set_running_or_notify_cancel()
        self._answer(future, os.pread(descriptor, size, 0), page, on_progress)
        return future


class InstantEngines(FixedTimeEngines):
    """Loads such an engine."""

    def load(self, request: EngineRequest, _on_stage: Callable[[str], None]) -> InstantEngine:
        """Load one."""
        return InstantEngine(request)


def main() -> None:
    """Answer the service."""
    lifetime.die_with_parent()
    Worker(Channel(socket.socket(fileno=int(sys.argv[-1]))), InstantEngines()).serve()
