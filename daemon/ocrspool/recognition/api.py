"""What the pipeline and the service need of whoever recognizes pages.

The pool of worker processes (pool.py) is one such recognizer, the stub (stub.py) is another. A recognizer on another
host would be a third.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from ocrspool.decoding.api import DecoderPool
from ocrspool.observability.snapshot import ClusterStatus
from ocrspool.pages import PageImage, PageOptions, Recognized


@dataclass(frozen=True, slots=True)
class HostsStatus:
    """How the hosts of a cluster are at one moment."""

    shown: ClusterStatus
    room: int
    """How many pages they may have in work together."""
    pids: tuple[int, ...] = ()
    """The process id of the bridge."""


@dataclass(frozen=True, slots=True)
class RecognizerStatus:
    """How a recognizer is at one moment."""

    ready: bool
    """Whether at least one worker, here or at a host, has an engine."""
    responsive: bool = True
    """Whether no worker has kept its thread waiting for too long."""
    uses_cpu_fallback: bool = False
    """Whether a CPU reads in the place of a GPU that is not there."""
    engines: tuple[dict[str, Any], ...] = ()
    """Each engine that reads now, with the device that it is on, and how many workers have loaded it."""
    pids: tuple[int, ...] = ()
    """The process ids of the workers, also of those that still load."""
    restarts: int = 0
    """How many workers were replaced because they had failed."""
    hosts: HostsStatus | None = None
    """None if no cluster reads too."""


class PageRecognizer(Protocol):
    """Page images in, text out. Any thread may call it."""

    def start(self) -> None:
        """Begin to load the engines; return at once."""

    def wait_ready(self) -> Mapping[str, Any]:
        """Wait until every engine is loaded. Return the facts of the first one. Raise what kept one from loading."""

    def submit(self, image: PageImage, options: PageOptions, *, alone: bool = False) -> Future[Recognized]:
        """Queue a page, and wait while too many are held already. The recognizer closes the page's memory file.

        The text may be one that nobody has looked into yet: see page_json.decoded. A page that is read `alone` shares
        no batch with others. The future raises EngineError where the recognizer is
        at fault and the page may be submitted again, DocumentError where the page cannot be read. It may be cancelled.
        """

    def decoders(self, here: DecoderPool) -> DecoderPool:
        """Return decoders for files whose pages it is to read: `here`, or such that may have them read elsewhere too.

        `here` are those of this machine. They are started and closed by whoever has made them.
        """

    def status(self) -> RecognizerStatus:
        """Return how it is now."""

    def renew(self) -> None:
        """Begin anew where that returns memory, without losing a page."""

    def close(self) -> None:
        """End now. Pages that were not read raise EngineError."""
