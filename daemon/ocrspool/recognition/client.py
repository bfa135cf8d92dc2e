"""One worker as the service sees it: a process that loads an engine, then recognizes. Used by one thread at a time.

Loading does not block: whoever waits for an engine may have another one at work meanwhile.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from ocrspool.config.schema import Config
from ocrspool.errors import EngineError
from ocrspool.pages import PageFault, PageImage, PageText
from ocrspool.processes.child import Child, ChildDiedError
from ocrspool.processes.environment import of_workers
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.recognition.protocol import about_engine, engine_error, page_outcome

STAGE_SECONDS = 300.0
"""A worker that is loading tells of each stage, and has as long for one."""
_FRAME_SECONDS = 10.0
"""For the rest of a message that has begun to arrive."""


class WorkerClient:
    """A process with an engine, or on its way to one."""

    def __init__(self, name: str, config: Config, device: str, on_stage: Callable[[str], None]) -> None:
        """Start it and tell it to load; errors call it by its name. Raise EngineError."""
        self._name = name
        self._on_stage = on_stage
        self._due = time.monotonic() + STAGE_SECONDS
        self.facts: dict[str, Any] = {}
        """What its engine is, once that is loaded."""
        self.pages = 0
        """How many it has been given."""
        self._in_work = 0
        self._heard = 0.0
        """When it told of a step, or was given the first page after a rest."""
        try:
            self._child = Child("ocrspool.recognition.child", of_workers(os.environ, config.paths.cache))
            self._child.tell(about_engine("load", config, device))
        except ChildDiedError as error:
            raise EngineError(f"{self._name} {error} while loading") from error
        except OSError as error:  # no memory, no descriptors: nothing that a thread may die of
            raise EngineError(f"{name} cannot be started: {error}") from error
        self.pid = self._child.pid

    def has_loaded(self, seconds: float) -> bool:
        """Tell whether the engine is loaded, waiting for it at most so long. Raise EngineError: it is dead then."""
        if self.facts:
            return True
        if not self._child.has_answered(seconds):
            if time.monotonic() > self._due:
                self._child.kill()
                raise EngineError(f"{self._name} gave no answer for {STAGE_SECONDS:g} s while loading")
            return False
        try:
            answer, _ = self._child.receive(seconds=_FRAME_SECONDS)
        except ChildDiedError as error:
            raise EngineError(f"{self._name} {error} while loading") from error
        if reason := answer.get("error"):
            self._child.close()
            raise engine_error(reason)
        if "stage" in answer:
            self._due = time.monotonic() + STAGE_SECONDS
            self._on_stage(answer["stage"])
            return False
        self.facts = answer["ready"]
        return True

    def send_page(self, number: int, image: PageImage, orientation: str) -> None:
        """Send a page, which `hear` will know by its number. Raise ChildDiedError."""
        self.pages += 1
        self._heard = time.monotonic() if not self._in_work else self._heard
        self._in_work += 1
        page = {"number": number, "width": image.width, "height": image.height, "channels": image.channels}
        self._child.tell({"op": "recognize", "page": {**page, "orientation": orientation}}, (image.fd,))

    def wait_for_result(
        self, seconds: float, wake: WakeupEvent, on_progress: Callable[[], None]
    ) -> tuple[int, PageText | PageFault] | None:
        """Wait for news. Return the number of a page and what became of it, or None: for a step, or once `wake` is set.

        It has so many seconds for each step of which it tells (a page searched, a batch of lines read), not for whole
        pages. Raise ChildDiedError or EngineError.
        """
        left = self._heard + seconds - time.monotonic()
        if not self._child.has_answered(left, wake):
            if left <= 0:
                raise self._child.overdue(seconds)
            return None
        answer, _ = self._child.receive(seconds=_FRAME_SECONDS)
        self._heard = time.monotonic()
        if reason := answer.get("error"):
            raise engine_error(reason)
        on_progress()
        if "progress" in answer:
            return None
        self._in_work -= 1
        return page_outcome(answer)

    def ping(self, seconds: float) -> None:
        """Ask whether it answers. Raise ChildDiedError."""
        self._child.ask({"op": "ping"}, seconds=seconds)

    def resident_bytes(self) -> int:
        """Return the memory that it holds."""
        return self._child.resident_bytes()

    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self._child.alive()

    def close(self) -> None:
        """Let it end; kill it where it does not."""
        self._child.close()

    def signal_kill(self) -> None:
        """End it from another thread than the one that uses it, which then sees it die."""
        self._child.signal_kill()
