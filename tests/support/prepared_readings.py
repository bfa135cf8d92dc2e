"""What reads pages without an engine: each page has a text or an error that was prepared."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future

from ocrspool.pages import PageImage, PageText, TextLine

BOX = ((1.0, 1.0), (30.0, 1.0), (30.0, 9.0), (1.0, 9.0))


def text(*lines: str) -> PageText:
    """Return a page of these lines."""
    return PageText(tuple(TextLine(line, 0.9, BOX, 0.8) for line in lines), 0, {"recognize": 0.5})


class PreparedReader:
    """Answers at once, unless the page is one that stays with a worker."""

    def __init__(self, answer: Callable[[PageImage], PageText | Exception | None]) -> None:
        """`answer` returns the text of a page, what its future raises, or None where it is never read."""
        self.answer = answer
        self.alone: list[bool] = []
        """Of each page that was submitted: whether it had to be read alone."""
        self.unread: list[Future[PageText]] = []

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
