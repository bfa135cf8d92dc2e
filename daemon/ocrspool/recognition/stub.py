"""Recognizers without an engine, which behave well or badly as they are told. They are for tests, ours and yours.

- `StubRecognizer` takes the place of the pool. It is for what submits pages: the pipeline, the service, your program.
- `StubWorker` takes the place of a worker. It is for the pool and its supervisors.
- `StubProcess` takes the place of a worker's process. It is for the client, which speaks the messages.

None of them starts a process or waits for time to pass. What would take time happens when the test says so.

    recognizer = StubRecognizer(lambda image: "crash" if image.number == 2 else "echo")
    recognizer.submit(image, "auto").result().lines[0].text    # "page 1"
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import PageFault, PageImage, PageText, TextLine
from ocrspool.processes.channel import Message
from ocrspool.processes.child import ChildDiedError
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.recognition.api import RecognizerStatus
from ocrspool.recognition.worker import Outcome, ReadyWorker, engines

Behaviour = Literal["echo", "slow", "hang", "crash", "disorder", "fault", "wrong count"]
"""What becomes of a page.

echo: its text is its number, "page 7". slow: as echo, after steps (StubWorker) or when `release` is called
(StubRecognizer). hang: there is never an answer. crash: the worker dies. disorder: the engine fails. fault: the page
cannot be read. wrong count: the worker answers for a page that it does not have.
"""

Behaves = Callable[[PageImage], Behaviour]

Answer = Behaviour | PageText | Exception
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


def _behaves(behaviour: Behaviour | Behaves) -> Behaves:
    return behaviour if callable(behaviour) else lambda _: behaviour


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
        self.alone: list[bool] = []
        """Of every page that came: whether it was to be read alone."""
        self.unread: list[Future[PageText]] = []
        """Pages that have no answer. A test may answer them itself."""
        self.renewals = 0
        """How often `renew` was called."""
        self._facts = FACTS if facts is None else facts
        self._slow: list[tuple[Future[PageText], PageText]] = []

    def start(self) -> None:
        """Be ready, unless there is a problem."""
        self.is_ready = self.problem is None

    def wait_ready(self) -> Mapping[str, Any]:
        """Return the facts of the engine. Raise the problem."""
        if self.problem is not None:
            raise self.problem
        return self._facts

    def submit(self, image: PageImage, orientation: str, *, alone: bool = False) -> Future[PageText]:  # noqa: ARG002
        """Answer at once, unless the page is slow or hangs. The memory file of the page is closed."""
        os.close(image.fd)
        if self.is_closed:
            raise EngineError("the service is stopping")
        self.submitted.append(image.number)
        self.alone.append(alone)
        answer, future = self.answer(image), Future[PageText]()
        if answer == "hang":
            self.unread.append(future)
        elif answer == "slow":
            self.unread.append(future)
            self._slow.append((future, self._read(image)))
        elif answer == "echo":
            future.set_result(self._read(image))
        elif isinstance(answer, PageText):
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


@dataclass(slots=True, eq=False)
class StubWorker:
    """A worker that reads nothing."""

    behaviour: Behaviour | Behaves = "echo"
    pid: int = 1
    loads_after: int = 0
    """How often it says that it has not loaded yet."""
    load_error: EngineError | None = None
    """Why it cannot load."""
    facts: Mapping[str, Any] = field(default_factory=lambda: dict(FACTS))
    resident: int = 0
    """The bytes that it holds."""
    steps: int = 3
    """How often a slow worker reports a step of a page."""
    on_ping: Callable[[], None] = lambda: None
    """Is called when the worker is asked whether it answers. It may raise ChildDiedError."""
    pages: int = 0
    closed: bool = False
    killed: bool = False
    most_in_work: int = 0
    """The largest number of pages that it had at one time."""
    _in_work: dict[int, PageImage] = field(default_factory=dict)
    _steps_told: int = 0

    def has_loaded(self, seconds: float) -> bool:  # noqa: ARG002
        """Load in as many turns as it was told."""
        if self.killed:
            raise EngineError("the worker was killed by SIGKILL while loading")
        if self.load_error is not None:
            self.closed = True
            raise self.load_error
        self.loads_after -= 1
        return self.loads_after < 0

    def send_page(self, number: int, image: PageImage, orientation: str) -> None:  # noqa: ARG002
        """Take a page."""
        if self.killed or self.closed:
            raise ChildDiedError("was killed by SIGKILL")
        self.pages += 1
        self._in_work[number] = image
        self.most_in_work = max(self.most_in_work, len(self._in_work))

    def wait_for_result(self, seconds: float, wake: WakeupEvent, on_progress: Callable[[], None]) -> Outcome | None:  # noqa: ARG002
        """Answer for the page that it has had longest, as the behaviour says."""
        number, image = next(iter(self._in_work.items()))
        behaviour = _behaves(self.behaviour)(image)
        if behaviour == "hang":
            self.killed = True
            raise ChildDiedError(f"gave no answer for {seconds:g} s")
        if behaviour == "crash":
            self.killed = True
            raise ChildDiedError("was killed by SIGSEGV")
        if behaviour == "disorder":
            raise EngineError("the engine reads the known page wrongly")
        on_progress()
        if behaviour == "slow" and self._steps_told < self.steps:
            self._steps_told += 1
            return None
        self._steps_told = 0
        if behaviour == "wrong count":
            return max(self._in_work) + 1, echo(image)
        del self._in_work[number]
        return number, PageFault("no such shape") if behaviour == "fault" else echo(image)

    def ping(self, seconds: float) -> None:  # noqa: ARG002
        """Answer."""
        self.on_ping()

    def resident_bytes(self) -> int:
        """Return what it was told to hold."""
        return self.resident

    def close(self) -> None:
        """End."""
        self.closed = True

    def signal_kill(self) -> None:
        """Die."""
        self.killed = True


@dataclass(slots=True, eq=False)
class StubProcess:
    """A process that answers what it is told to answer, in order, and says nothing after that."""

    answers: list[Message | Exception] = field(default_factory=list)
    """An exception is raised in the place of an answer."""
    pid: int = 1
    sent: list[Message] = field(default_factory=list)
    """The requests that came."""
    killed: bool = False
    closed: bool = False

    def ask(self, message: Message, descriptors: tuple[int, ...] = (), *, seconds: float) -> tuple[Message, list[int]]:
        """Take a request, and give the next answer."""
        self.tell(message, descriptors)
        return self.receive(seconds=seconds)

    def tell(self, message: Message, descriptors: tuple[int, ...] = ()) -> None:  # noqa: ARG002
        """Take a request."""
        if self.killed:
            raise ChildDiedError("was killed by SIGKILL")
        self.sent.append(message)

    def has_answered(self, seconds: float, wake: WakeupEvent | None = None) -> bool:  # noqa: ARG002
        """Tell whether there is an answer left."""
        return bool(self.answers)

    def overdue(self, seconds: float) -> ChildDiedError:
        """Die, and return why."""
        self.kill()
        return ChildDiedError(f"gave no answer for {seconds:g} s")

    def receive(self, *, seconds: float) -> tuple[Message, list[int]]:
        """Give the next answer."""
        if not self.answers:
            raise self.overdue(seconds)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            self.kill()
            raise answer
        return answer, []

    def resident_bytes(self) -> int:
        """Return that it holds nothing."""
        return 0

    def close(self) -> None:
        """End."""
        self.closed = True

    def signal_kill(self) -> None:
        """Die."""
        self.killed = True

    def kill(self) -> None:
        """Die."""
        self.killed = True


def _failure(behaviour: str, image: PageImage) -> DocumentError | EngineError:
    if behaviour == "fault":
        return DocumentError("recognition", "no such shape", stage="recognize", page=image.number)
    return EngineError("the worker was killed by SIGSEGV" if behaviour == "crash" else "the engine has failed")
