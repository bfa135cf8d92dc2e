"""A worker without an engine that takes a fixed time for a page: for tests of a cluster, where cores must not decide.

Its `main` is run in place of `python -m ocrspool.recognition.child FD` (see worker_replacement). The text of a page is
a digest of its pixels. The configuration says how it behaves: `workspace_mb` is the time of a page in milliseconds,
`precision` what it claims, `models` the name of its models; models = "missing" has no engine.

A page whose first pixel is black and whose second is white kills the worker.
"""

from __future__ import annotations

import hashlib
import os
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ocrspool.engine_request import EngineRequest
from ocrspool.errors import EngineMissingError
from ocrspool.pages import PageText, TextLine
from ocrspool.processes import lifetime
from ocrspool.processes.channel import Channel
from ocrspool.recognition.child.worker import Worker

KILLER = bytes([0, 255])
"""The first two pixels of a grey page that kills its worker."""


class FixedTimeEngine:
    """Reads any number of pages, one after the other."""

    def __init__(self, request: EngineRequest) -> None:
        precision = "f32" if request.settings.precision == "auto" else request.settings.precision
        self._seconds = request.settings.workspace_mb / 1000
        self._free_at = threading.Semaphore()
        self._closing = threading.Event()
        models = [{"role": "detection", "name": request.models, "sha256": "0" * 64}]
        self.facts: dict[str, Any] = {
            "runtime": request.runtime,
            "runtime_version": "0",
            "device": request.settings.device.partition(":")[0],
            "precision": precision,
            "fingerprint": hashlib.sha256(f"{request.models} {precision}".encode()).hexdigest()[:16],
            "identity": {"precision": precision, "detection.sha256": "0" * 64, "cpu": os.uname().nodename},
            "models": models,
            "seconds": {"load": 0.0},
        }

    def submit(self, descriptor: int, page: dict[str, Any], on_progress: Callable[[], None]) -> Future[PageText]:
        """Answer after the fixed time."""
        size = page["height"] * page["width"] * page["channels"]
        pixels = os.pread(descriptor, size, 0)
        if pixels.startswith(KILLER):
            os._exit(7)
        future: Future[PageText] = Future()
        future.set_running_or_notify_cancel()
        threading.Thread(target=self._answer, args=(future, pixels, page, on_progress), daemon=True).start()
        return future

    def _answer(self, future: Future[PageText], pixels: bytes, page: dict[str, Any], told: Callable[[], None]) -> None:
        with self._free_at:
            self._closing.wait(self._seconds)
        told()
        width, height = float(page["width"]), float(page["height"])
        corners = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
        text = hashlib.sha256(pixels).hexdigest()
        future.set_result(PageText((TextLine(text, 1.0, corners, 1.0),), 0, {"recognize": self._seconds}))

    def still_reads(self) -> bool:
        """Say that all is well."""
        return True

    def close(self) -> None:
        """End."""
        self._closing.set()


class FixedTimeEngines:
    """Loads such an engine, and builds none."""

    def load(self, request: EngineRequest, _on_stage: Callable[[str], None]) -> FixedTimeEngine:
        """Load one."""
        if request.models == "missing":
            raise EngineMissingError("no engine f770bebdd7adff33 in the cache", "build it with `ocrspool prebuild`")
        return FixedTimeEngine(request)

    def join(self, request: EngineRequest, _connection: int, on_stage: Callable[[str], None]) -> FixedTimeEngine:
        """Load one: no other process has it."""
        return self.load(request, on_stage)

    def build(self, *_: object, **__: object) -> dict[str, Any]:
        """Fail."""
        raise AssertionError


def main() -> None:
    """Answer the service."""
    lifetime.die_with_parent()
    Worker(Channel(socket.socket(fileno=int(sys.argv[-1]))), FixedTimeEngines()).serve()
