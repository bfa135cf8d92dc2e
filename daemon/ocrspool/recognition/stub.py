"""Recognizers without an engine, which behave well or badly as they are told. They are for tests, ours and yours.

- `StubRecognizer` takes the place of the pool. It is for what submits pages: the pipeline, the service, your program.
- `StubWorker` (stub_worker.py) takes the place of a worker. It is for the pool and its supervisors.
- `StubProcess` (stub_worker.py) takes the place of a worker's process. It is for the client, which speaks the messages.

None of them starts a process or waits for time to pass. What would take time happens when the test says so.

    recognizer = StubRecognizer(lambda image: "crash" if image.number == 2 else "echo")
    recognizer.submit(image, PageOptions()).result().lines[0].text    # "page 1"
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Literal

from ocrspool.decoding.api import DecoderPool
from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import EncodedText, PageImage, PageOptions, PageText, Recognized, TextLine
from ocrspool.recognition.api import RecognizerStatus
from ocrspool.recognition.worker import ReadyWorker, engines

Behaviour = Literal["echo", "slow", "hang", "crash", "disorder", "fault", "wrong count"]
"""What becomes of a page.

echo: its text is its number, "page 7". slow: as echo, after steps (StubWorker) or when `release` is called
(StubRecognizer). hang: there is never an answer. crash: the worker dies. disorder: the engine fails. fault: the page
cannot be read. wrong count: the worker answers for a page that it does not have.
"""

Answer = Behaviour | Recognized | Exception
"""What becomes of a page: a behaviour, a text, or the error that its future raises."""

FACTS: dict[str, Any] = {
    "runtime": "stub",
    "runtime_version": "0",
    "device": "cpu",
    "precision": "f32",
    "fingerprint": "0" * 16,
    "models": [],
    "seconds": {},
}
"""What a stub says of its engine."""


def echo(image: PageImage) -> PageText:
    """Return a text of one line, the number of the page, as large as the page."""
    width, height = float(image.width), float(image.height)
    corners = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    return PageText((TextLine(f"page {image.number}", 1.0, corners, 1.0),), 0, {})


class StubRecognizer:
    """A PageRecognizer without an engine. A page that hangs is answered when the recognizer is closed."""

    def __init__(
        self, answer: Behaviour | Callable[[PageImage], Answer] = "echo", facts: Mapping[str, Any] | None = None
    ) -> None:
        self.answer: Callable[[PageImage], Answer] = answer if callable(answer) else lambda _: answer
        """Says what becomes of each page."""
        self.problem: Exception | None = None
        """What keeps it from loading."""
        self.is_ready = self.is_closed = False
        self.submitted: list[int] = []
        """The number of every page that came."""
        self.options: list[PageOptions] = []
        """Of every page that came: how it was to be read."""
        self.alone: list[bool] = []
        """Of every page that came: whether it was to be read alone."""
        self.unread: list[Future[Recognized]] = []
        """Pages that have no answer. A test may answer them itself."""
        self.renewals = 0
        """How often `renew` was called."""
        self._facts = FACTS if facts is None else facts
        self._slow: list[tuple[Future[Recognized], PageText]] = []

    def start(self) -> None:
        """Be ready, unless there is a problem."""
        self.is_ready = self.problem is None

    def wait_ready(self) -> Mapping[str, Any]:
        """Return the facts of the engine. Raise the problem."""
        if self.problem is not None:
            raise self.problem
        return self._facts

    def submit(self, image: PageImage, options: PageOptions, *, alone: bool = False) -> Future[Recognized]:
        """Answer at once, unless the page is slow or hangs. The memory file of the page is closed."""
        os.close(image.fd)
        if self.is_closed:
            raise EngineError("the service is stopping")
        self.submitted.append(image.number)
        self.options.append(options)
        self.alone.append(alone)
        answer, future = self.answer(image), Future[Recognized]()
        if answer == "hang":
            self.unread.append(future)
        elif answer == "slow":
            self.unread.append(future)
            self._slow.append((future, self._read(image)))
        elif answer == "echo":
            future.set_result(self._read(image))
        elif isinstance(answer, (PageText, EncodedText)):
            future.set_result(answer)
        else:
            future.set_exception(answer if isinstance(answer, Exception) else _failure(answer, image))
        return future

    def release(self) -> None:
        """Answer the pages that are slow."""
        slow, self._slow = self._slow, []
        for future, found in slow:
            self.unread.remove(future)
            if future.set_running_or_notify_cancel():
                future.set_result(found)

    def decoders(self, here: DecoderPool) -> DecoderPool:
        """Return those of this machine."""
        return here

    def status(self) -> RecognizerStatus:
        """Return that one worker is ready, between start and close."""
        ready = self.is_ready and not self.is_closed
        worker = ReadyWorker(1, self._facts, self._facts["device"])
        return RecognizerStatus(ready=ready, engines=engines([worker]) if ready else ())

    def renew(self) -> None:
        """Count."""
        self.renewals += 1

    def close(self) -> None:
        """Fail all pages that have no answer."""
        self.is_closed = True
        for future in self.unread:
            if not future.done():
                future.set_exception(EngineError("the service is stopping"))

    def _read(self, image: PageImage) -> PageText:
        return replace(echo(image), engine=self._facts, device=self._facts["device"])


def _failure(behaviour: str, image: PageImage) -> DocumentError | EngineError:
    if behaviour == "fault":
        return DocumentError("recognition", "no such shape", stage="recognize", page=image.number)
    return EngineError("the worker was killed by SIGSEGV" if behaviour == "crash" else "the engine has failed")
