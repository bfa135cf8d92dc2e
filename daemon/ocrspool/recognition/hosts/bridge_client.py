"""The bridge as the service sees it: a child process that holds the client of the cluster."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Protocol

from ocrspool.config.schema import Config
from ocrspool.errors import EngineError
from ocrspool.pages import PageImage
from ocrspool.processes.channel import Message
from ocrspool.processes.child import Child, ChildDiedError
from ocrspool.processes.environment import of_workers
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.recognition.client import Process
from ocrspool.recognition.engine_errors import engine_error
from ocrspool.recognition.hosts.answers import HostReport, Outcome, outcome_from_json, report_from_json
from ocrspool.recognition.hosts.file_answers import FileOutcome, file_outcome_from_json
from ocrspool.recognition.hosts.file_queue import FileTask
from ocrspool.recognition.page_queue import PageTask

MODULE = "ocrspool.cluster.bridge"

_FRAME_SECONDS = 10.0
"""The time for the rest of a message that has begun to arrive."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The bridge works. It has not reached anybody yet."""

    dask: str
    """The version of Dask that it has."""


@dataclass(frozen=True, slots=True)
class SchedulerSeen:
    """Whether the scheduler answers, and why not."""

    up: bool
    reason: str
    dask: str = ""
    """Its version of Dask; "" if that is not known."""


@dataclass(frozen=True, slots=True)
class HostSeen:
    """A host has said how it is."""

    host: str
    """Its name. The bridge adds the address where two hosts have the same name."""
    address: str
    report: HostReport
    link: float = 0.0
    """Bytes a second that the way to it carries; 0 if that was not measured."""
    link_measured: float = 0.0
    """When that was, in seconds of the epoch."""


@dataclass(frozen=True, slots=True)
class HostGone:
    """A host is not there any more, or does not answer."""

    host: str
    reason: str
    counts: bool
    """Whether the reason can lie in a page that the host had."""


@dataclass(frozen=True, slots=True)
class PageDone:
    """A host has answered for a page."""

    number: int
    outcome: Outcome
    wire_seconds: float


@dataclass(frozen=True, slots=True)
class FileDone:
    """A host has answered for a file."""

    number: int
    outcome: FileOutcome
    wire_seconds: float
    sent_bytes: int = 0
    """Bytes that it got for that: none where it has kept the file."""


@dataclass(frozen=True, slots=True)
class PageReturned:
    """A page, or a file, has no answer."""

    number: int
    reason: str
    counts: bool


BridgeEvent = Joined | SchedulerSeen | HostSeen | HostGone | PageDone | FileDone | PageReturned


class Bridge(Protocol):
    """What the seat needs of the bridge. One thread uses it."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def send_page(self, host: str, number: int, task: PageTask) -> None:
        """Send a page to a host. Raise ChildDiedError."""

    def send_file(self, host: str, number: int, task: FileTask) -> None:
        """Send a file to a host. Raise ChildDiedError."""

    def forget_file(self, key: str) -> None:
        """Have hosts drop a file that they keep. Raise ChildDiedError."""

    def next_event(self, seconds: float, wake: WakeupEvent) -> BridgeEvent | None:
        """Wait for news at most so long, or until `wake` is set. Raise ChildDiedError, or EngineError for good."""

    def overdue(self, seconds: float) -> ChildDiedError:
        """End it and return why."""

    def close(self) -> None:
        """Let it end; kill it where it does not."""

    def signal_kill(self) -> None:
        """End it. Any thread may call this."""


class BridgeClient:
    """The real bridge."""

    def __init__(self, config: Config, process: Process) -> None:
        """Send it the request to join. Raise ChildDiedError."""
        self._process = process
        log = {"level": config.log.level, "form": config.log.format}
        process.tell({"op": "join", "cluster": config.cluster.model_dump(mode="json"), "log": log})

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def send_page(self, host: str, number: int, task: PageTask) -> None:
        """Send a page to a host. Raise ChildDiedError."""
        page = {
            "number": number,
            "alone": task.alone,
            "options": task.options.to_json(),
            "image": image_values(task.image),
        }
        self._process.tell({"op": "recognize", "host": host, "page": page}, (task.image.fd,))

    def send_file(self, host: str, number: int, task: FileTask) -> None:
        """Send a file to a host. Raise ChildDiedError."""
        file = {"number": number, **task.request()}
        self._process.tell({"op": "read_file", "host": host, "file": file}, (task.fd,))

    def forget_file(self, key: str) -> None:
        """Have hosts drop a file that they keep. Raise ChildDiedError."""
        self._process.tell({"op": "forget_file", "key": key})

    def next_event(self, seconds: float, wake: WakeupEvent) -> BridgeEvent | None:
        """Wait for news at most so long, or until `wake` is set. Raise ChildDiedError, or EngineError for good."""
        if not self._process.has_answered(seconds, wake):
            return None
        message, _ = self._process.receive(seconds=_FRAME_SECONDS)
        if reason := message.get("error"):
            raise engine_error(reason)
        try:
            return _event(message)
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise ChildDiedError(f"sent what is no message: {error}") from error

    def overdue(self, seconds: float) -> ChildDiedError:
        """End it and return why."""
        return self._process.overdue(seconds)

    def close(self) -> None:
        """Let it end; kill it where it does not."""
        self._process.close()

    def signal_kill(self) -> None:
        """End it. Any thread may call this."""
        self._process.signal_kill()


def start_bridge(config: Config) -> Bridge:
    """Start the bridge. Raise EngineError."""
    try:
        return BridgeClient(config, Child(MODULE, of_workers(os.environ, config.paths.cache)))
    except ChildDiedError as error:
        raise EngineError(f"the bridge to the cluster {error}") from error
    except OSError as error:
        raise EngineError(f"the bridge to the cluster cannot be started: {error}") from error


def image_values(image: PageImage) -> dict[str, Any]:
    """Return what a host is told of a page image: everything but its pixels."""
    names = ("number", "width", "height", "channels", "source_width", "source_height", "dpi")
    return {name: getattr(image, name) for name in names}


def _event(message: Message) -> BridgeEvent:
    if found := message.get("page"):
        return _answered(int(found["number"]), found["answer"], float(found["wire_seconds"]))
    if found := message.get("file"):
        seconds, sent = float(found["wire_seconds"]), int(found.get("sent", 0))
        return _answered_file(int(found["number"]), found["answer"], seconds, sent)
    if found := message.get("returned"):
        return PageReturned(int(found["number"]), str(found["reason"]), bool(found["counts"]))
    if found := message.get("host"):
        link, measured = float(found.get("link", 0)), float(found.get("link_measured", 0))
        return HostSeen(str(found["host"]), str(found["address"]), report_from_json(found["report"]), link, measured)
    if found := message.get("gone"):
        return HostGone(str(found["host"]), str(found["reason"]), bool(found["counts"]))
    if found := message.get("scheduler"):
        return SchedulerSeen(bool(found["up"]), str(found["reason"]), str(found.get("dask", "")))
    if found := message.get("ready"):
        return Joined(str(found["dask"]))
    raise ValueError(f"unknown: {', '.join(message)}")


def _answered(number: int, answer: str, wire_seconds: float) -> PageDone | PageReturned:
    """Return what a host said of a page. What makes no sense says nothing of the bridge or of other hosts."""
    try:
        return PageDone(number, outcome_from_json(answer), wire_seconds)
    except ValueError as error:
        return PageReturned(number, f"a host said what is no answer: {error}", counts=True)


def _answered_file(number: int, answer: str, wire_seconds: float, sent: int) -> FileDone | PageReturned:
    """Return what a host said of a file, likewise."""
    try:
        return FileDone(number, file_outcome_from_json(answer), wire_seconds, sent)
    except ValueError as error:
        return PageReturned(number, f"a host said what is no answer: {error}", counts=True)
