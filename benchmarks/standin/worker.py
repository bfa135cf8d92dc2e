"""A worker process without an engine: python worker.py DESCRIPTOR. All of it but the engine is real."""

from __future__ import annotations

import os
import socket
import sys
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
    """Knows the pages that it is given."""

    facts = FACTS

    def __init__(self, texts: Recorded) -> None:
        self._texts = texts

    def submit(self, descriptor: int, page: dict[str, Any], on_progress: Callable[[], None]) -> Future[PageText]:  # noqa: ARG002
        """Give the text of a page of this size."""
        reading = Future[PageText]()
        reading.set_result(self._texts[page["width"], page["height"]])
        return reading

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
        return RecordedEngine(recorded(self._source))

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
