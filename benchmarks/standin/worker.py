"""A worker process without an engine: python worker.py DESCRIPTOR. All of it but the engine is real."""

from __future__ import annotations

import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))  # standin

from ocrspool.engine_request import EngineRequest
from ocrspool.pages import PageText
from ocrspool.processes import lifetime
from ocrspool.processes.channel import Channel
from ocrspool.recognition.child.worker import OnStage, Worker
from ocrspool.recognition.stub import FACTS
from standin.recorded import Recorded, recorded


class RecordedEngine:
    """Knows the pages that it is given. Gives out each text at once, or after a while, as a GPU does."""

    facts = FACTS

    def __init__(self, texts: Recorded, seconds: float) -> None:
        self._texts = texts
        self._seconds = seconds
        self._begun: queue.SimpleQueue[tuple[float, Future[PageText], PageText]] = queue.SimpleQueue()
        if seconds:
            threading.Thread(target=self._answer, daemon=True).start()

    def submit(self, descriptor: int, page: dict[str, Any], on_progress: Callable[[], None]) -> Future[PageText]:  # noqa: ARG002
        """Give the text of a page of this size."""
        reading, text = Future[PageText](), self._texts[page["width"], page["height"]]
        if self._seconds:
            self._begun.put((time.monotonic() + self._seconds, reading, text))
        else:
            reading.set_result(text)
        return reading

    def _answer(self) -> None:
        """Give out each text when its time has come."""
        while True:
            due, reading, text = self._begun.get()
            time.sleep(max(0.0, due - time.monotonic()))
            reading.set_result(text)

    def still_reads(self) -> bool:
        """Be in order."""
        return True

    def close(self) -> None:
        """Do nothing."""


class RecordedEngines:
    """Loads that engine, whatever is asked for."""

    def __init__(self, source: Path) -> None:
        self._source = source

    def load(self, request: EngineRequest, on_stage: OnStage) -> RecordedEngine:  # noqa: ARG002
        """Load what was written down."""
        return RecordedEngine(recorded(self._source), float(os.environ.get("OCRSPOOL_BENCH_PAGE_SECONDS") or 0))

    def join(self, request: EngineRequest, connection: int, on_stage: OnStage) -> RecordedEngine:
        """Do nothing."""
        raise NotImplementedError

    def build(self, request: EngineRequest, on_stage: OnStage, *, force: bool, source: str | None) -> dict[str, Any]:
        """Do nothing."""
        raise NotImplementedError


def main() -> None:
    lifetime.die_with_parent()
    source = Path(os.environ["OCRSPOOL_BENCH_RECORDED"])
    Worker(Channel(socket.socket(fileno=int(sys.argv[1]))), RecordedEngines(source)).serve()


if __name__ == "__main__":
    main()
