"""A recognizer without an engine: each page has a text or an error that was prepared."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from ocrspool.errors import EngineError
from ocrspool.pages import PageImage, PageText, TextLine
from ocrspool.recognition.api import RecognizerStatus

BOX = ((1.0, 1.0), (30.0, 1.0), (30.0, 9.0), (1.0, 9.0))
FACTS = {
    "runtime": "openvino",
    "runtime_version": "0",
    "device": "cpu",
    "precision": "f32",
    "fingerprint": "0" * 16,
    "models": (),
    "seconds": {"load": 0.0},
}


def text(*lines: str) -> PageText:
    """Return a page of these lines."""
    return PageText(tuple(TextLine(line, 0.9, BOX, 0.8) for line in lines), 0, {"recognize": 0.5})


class PreparedRecognizer:
    """A PageRecognizer that answers at once, unless the page is one that stays with a worker."""

    def __init__(self, answer: Callable[[PageImage], PageText | Exception | None]) -> None:
        """`answer` returns the text of a page, what its future raises, or None where it is never read."""
        self.answer = answer
        self.problem: Exception | None = None
        """What keeps it from loading."""
        self.alone: list[bool] = []
        """Of each page that was submitted: whether it had to be read alone."""
        self.unread: list[Future[PageText]] = []
        self.is_ready = self.is_closed = False
        self.renewals = 0

    def start(self) -> None:
        self.is_ready = self.problem is None

    def wait_ready(self) -> Mapping[str, Any]:
        if self.problem is not None:
            raise self.problem
        return FACTS

    def submit(self, image: PageImage, orientation: str, *, alone: bool = False) -> Future[PageText]:  # noqa: ARG002 - nothing is turned
        os.close(image.fd)
        self.alone.append(alone)
        future: Future[PageText] = Future()
        answer = self.answer(image)
        if isinstance(answer, Exception):
            future.set_exception(answer)
        elif answer is not None:
            future.set_result(answer)
        else:
            self.unread.append(future)
        return future

    def status(self) -> RecognizerStatus:
        return RecognizerStatus(ready=self.is_ready)

    def renew(self) -> None:
        self.renewals += 1

    def close(self) -> None:
        self.is_closed = True
        for future in self.unread:
            if not future.done():
                future.set_exception(EngineError("the service is stopping"))
