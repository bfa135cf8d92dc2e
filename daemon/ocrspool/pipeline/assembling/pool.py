"""A pool of processes that assemble documents. Each has one document at a time, and whoever needs one waits for it.

A process that dies, hangs or answers nonsense is replaced, and another one tries once more. Then the attempt at the
document has failed, as if a worker had died of it. Where a process says that it has failed, or where none can be
started, the service assembles the document itself.
"""

from __future__ import annotations

import logging
import os
import queue

from ocrspool.config.current import CurrentConfig
from ocrspool.errors import EngineError
from ocrspool.pipeline.assembler import Parts, draft_of
from ocrspool.pipeline.assembling.messages import draft_from, request_pieces
from ocrspool.pipeline.draft import Draft
from ocrspool.processes.channel import Message
from ocrspool.processes.child import Child, ChildDiedError
from ocrspool.processes.environment import of_decoders
from ocrspool.processes.memory_file import memory_file
from ocrspool.processes.starting import Start, directly
from ocrspool.recognition.page_json import UnreadableBodyError
from ocrspool.results.schema import Engine

_log = logging.getLogger(__name__)

_START_SECONDS = 60.0
"""How long a start may take on a busy machine."""
_MOST_BYTES = 16 << 20
"""Of the parts of a document: some hundreds of dense pages. All of its outputs fit into a message then."""


class AssemblingFailedError(Exception):
    """A process could not assemble a document, and says why."""


class AssemblerPool:
    """An Assembler (pipeline/assembler.py) of a fixed number of processes."""

    def __init__(self, count: int, live: CurrentConfig, start: Start = directly) -> None:
        """`start` starts the processes."""
        self._closed = False
        self._all = [_Client(live, start) for _ in range(count)]
        self._free: queue.SimpleQueue[_Client] = queue.SimpleQueue()
        for client in self._all:
            self._free.put(client)

    def start(self) -> None:
        """Start the processes now rather than with the first documents. Raise EngineError."""
        try:
            lacking = [client.start() for client in self._all]
        except (ChildDiedError, OSError) as error:
            raise EngineError(f"a process that assembles documents cannot be started: {error}") from error
        for lack in lacking[0]:
            _log.warning("assemblers are confined less than they could be: %s", lack)

    def draft(self, engine: Engine, parts: Parts) -> Draft:
        """Return the draft of a document. Raise EngineError where two processes have died of it.

        A document that is too long for a message, or that no process can assemble, is assembled here.
        """
        pieces = request_pieces(engine, parts)
        if sum(map(len, pieces)) > _MOST_BYTES:
            return draft_of(engine, parts)
        client = self._free.get()
        try:
            return self._draft_by(client, parts, pieces)
        except (OSError, AssemblingFailedError) as error:
            _log.error("a document is assembled in the service, because no process can do it: %s", error)
        finally:
            self._free.put(client)
        return draft_of(engine, parts)

    def _draft_by(self, client: _Client, parts: Parts, pieces: list[bytes]) -> Draft:
        try:
            return client.draft(parts, pieces)
        except (ChildDiedError, ValueError) as error:
            if self._closed:
                raise EngineError("the service is stopping") from error
            _log.warning("a process that assembled a document %s; another one tries", error)
        try:  # one death may be chance, or somebody's signal
            return client.draft(parts, pieces)
        except (ChildDiedError, ValueError) as error:
            raise EngineError(f"a process that assembled the document {error}") from error

    def close(self) -> None:
        """End all processes, whatever they are doing. The threads that use them get EngineError."""
        self._closed = True
        for client in self._all:
            client.close()


class _Client:
    """One process, started where there is none."""

    def __init__(self, live: CurrentConfig, start: Start) -> None:
        self._live = live
        self._start = start
        self._child: Child | None = None
        self._closed = False

    def start(self) -> list[str]:
        """Start it. Return what it could not give up, in words. Raise ChildDiedError or OSError."""
        if self._closed:
            raise ChildDiedError("is not started: the service is stopping")
        environment = of_decoders(os.environ, self._live.config.paths.cache)
        self._child = Child("ocrspool.pipeline.assembling.child", environment, start=self._start)
        answer = self._ask({"op": "limits"}, (), _START_SECONDS)
        lacking: list[str] = answer["missing"]
        return lacking

    def draft(self, parts: Parts, pieces: list[bytes]) -> Draft:
        """Have a document assembled. Raise ChildDiedError or ValueError where it died of that or answered nonsense.

        Raise OSError where there is no process, and UnreadableBodyError for what no worker should write.
        """
        if self._child is None:
            self.start()
        request = {"op": "assemble", "sizes": list(map(len, pieces))}
        with memory_file(b"".join(pieces)) as descriptor:
            answer = self._ask(request, (descriptor,), self._live.config.limits.document_seconds)
        if unreadable := answer.get("unreadable"):
            raise UnreadableBodyError(str(unreadable))
        if failed := answer.get("failed"):
            raise AssemblingFailedError(str(failed))
        try:
            return draft_from(answer, parts)
        except ValueError:
            self.close_process()
            raise

    def close(self) -> None:
        """End it for good. A thread that uses it gets ChildDiedError."""
        self._closed = True
        self.close_process()

    def close_process(self) -> None:
        """End it."""
        child, self._child = self._child, None
        if child is not None:
            child.close()

    def _ask(self, request: Message, descriptors: tuple[int, ...], seconds: float) -> Message:
        if (child := self._child) is None:  # closed by another thread
            raise ChildDiedError("has gone")
        try:
            answer, received = child.ask(request, descriptors, seconds=seconds)
        except (ChildDiedError, OSError):
            self._child = None
            raise
        for descriptor in received:
            os.close(descriptor)
        return answer
