"""A worker and a worker's process without an engine: for tests of what is below a recognizer. See stub.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ocrspool.errors import EngineError
from ocrspool.pages import PageFault, PageImage, PageOptions
from ocrspool.processes.channel import Message
from ocrspool.processes.child import ChildDiedError
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.recognition.stub import FACTS, Behaviour, echo
from ocrspool.recognition.worker import Outcome

Behaves = Callable[[PageImage], Behaviour]


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

    def send_page(self, number: int, image: PageImage, options: PageOptions) -> None:  # noqa: ARG002
        """Take a page."""
        if self.killed or self.closed:
            raise ChildDiedError("was killed by SIGKILL")
        self.pages += 1
        self._in_work[number] = image
        self.most_in_work = max(self.most_in_work, len(self._in_work))

    def wait_for_result(self, seconds: float, wake: WakeupEvent, on_progress: Callable[[], None]) -> Outcome | None:  # noqa: ARG002
        """Answer for the page that it has had longest, as the behaviour says."""
        number, image = next(iter(self._in_work.items()))
        behaviour = self.behaviour(image) if callable(self.behaviour) else self.behaviour
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

    def check(self) -> None:
        """Tell of its end."""
        if self.killed:
            raise ChildDiedError("was killed by SIGKILL")

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

    def alive(self) -> bool:
        """Tell whether it has been killed or closed."""
        return not (self.killed or self.closed)

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
