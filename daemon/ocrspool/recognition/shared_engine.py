"""An engine that several workers of one device share, as the service sees it: a process, and who may connect to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from ocrspool.config.assemblers import assembler_count
from ocrspool.config.schema import Config
from ocrspool.errors import EngineError
from ocrspool.processes.child import Child, ChildDiedError
from ocrspool.processes.starting import Start, directly
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.recognition.client import WorkerClient, asked_to_load
from ocrspool.recognition.worker import OnStage, Outcome

_MODULE = "ocrspool.recognition.child.shared_engine"


class SharedEngine:
    """Starts the process when a worker needs it, and workers. Safe to use from several threads.

    Where the process has ended, or was ended here, the next worker that starts gets another one.
    """

    def __init__(self, device: str, config: Callable[[], Config], start: Start = directly) -> None:
        self._device = device
        self._config = config
        self._start = start
        self._lock = threading.Lock()
        self._process: Child | None = None
        self._number = 0
        """Of the process, counted from 1."""
        self._replaces = False
        """Whether the next worker gets another process."""
        self._deaths: dict[int, ChildDiedError] = {}
        """How the last process that ended by itself did so, by its number."""

    @property
    def pid(self) -> int | None:
        """The id of the process, if there is one."""
        process = self._process
        return None if process is None else process.pid

    def start_worker(self, name: str, on_stage: OnStage) -> WorkerClient:
        """Start a worker that uses this engine. Raise EngineError."""
        worker = _SharingWorker(name, on_stage, self)
        worker.reads_texts = not assembler_count(self._config())
        return worker

    def connected(self) -> tuple[int, Child]:
        """Start the process of a worker, with a socket to that of the engine. Return it, and the number of the latter.

        Raise EngineError where that of the engine has ended, ChildDiedError where the worker has, OSError.
        """
        ours, theirs = socket.socketpair()
        with ours, theirs:
            with self._lock:
                try:
                    self._running().tell({"op": "worker"}, (theirs.fileno(),))
                except ChildDiedError as error:
                    raise EngineError(f"the process with the engine {error} while it loaded") from error
                number = self._number
            return number, asked_to_load(self._config(), self._device, self._start, (ours.fileno(),))

    def runs(self, number: int) -> bool:
        """Tell whether the process of this number is still there."""
        with self._lock:
            return self._process is not None and number == self._number and self._process.alive()

    def death(self, number: int) -> ChildDiedError | None:
        """Return how the process of this number has ended, if it has ended by itself."""
        with self._lock:
            self._note_death()
            return self._deaths.get(number)

    def replace(self, number: int) -> None:
        """Let the next worker have another process than that of this number, which goes on until then."""
        with self._lock:
            self._replaces = self._replaces or number == self._number

    def end(self, number: int) -> None:
        """End the process of this number, if it still is the one that is used."""
        with self._lock:
            if number == self._number:
                self._end()

    def close(self) -> None:
        """End the process. No page is read with it now."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _note_death(self) -> None:
        if self._process is not None and not self._process.alive():
            self._deaths = {self._number: self._process.died()}
            self._process = None

    def _running(self) -> Child:
        """Return the process, and start one where there is none. The caller holds the lock."""
        self._note_death()
        if self._replaces:
            self._end()
        if self._process is None:
            self._replaces = False
            self._process = asked_to_load(self._config(), self._device, self._start, module=_MODULE)
            self._number += 1
        return self._process


class _SharingWorker(WorkerClient):
    """A worker that uses the engine of another process. What it says of the engine, it says of that process."""

    def __init__(self, name: str, on_stage: OnStage, engine: SharedEngine) -> None:
        """As WorkerClient."""
        self._engine = engine
        self._number = 0
        super().__init__(name, on_stage, self._started)

    def _started(self) -> Child:
        self._number, child = self._engine.connected()
        return child

    def has_loaded(self, seconds: float) -> bool:
        """As WorkerClient."""
        try:
            return super().has_loaded(seconds)
        except EngineError as error:
            if death := self._engine.death(self._number):
                raise EngineError(f"the process with the engine {death} while it loaded") from death
            if not isinstance(error.__cause__, ChildDiedError):
                self._engine.replace(self._number)  # not ended: it tells the other workers why it cannot load
            raise

    def wait_for_result(self, seconds: float, wake: WakeupEvent, on_progress: Callable[[], None]) -> Outcome | None:
        """As WorkerClient."""
        try:
            return super().wait_for_result(seconds, wake, on_progress)
        except EngineError:
            self._engine.end(self._number)
            raise
        except ChildDiedError as error:
            if error.overdue:  # a call of the engine may be why: then all workers wait for it
                self._engine.end(self._number)
            raise

    def check(self) -> None:
        """As WorkerClient, and raise ChildDiedError where the process with the engine has ended."""
        super().check()
        if not self._engine.runs(self._number):
            how = self._engine.death(self._number) or "was ended"
            raise ChildDiedError(f"has no engine any more: the process that had it {how}")

    def ping(self, seconds: float) -> None:
        """As WorkerClient."""
        self.check()
        super().ping(seconds)
