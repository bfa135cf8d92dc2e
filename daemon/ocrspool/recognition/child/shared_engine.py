"""The process with an engine that several workers share. Run it with the number of a channel's descriptor.

    from the service → {"op": "load", "engine": {...}, "log": {...}}, then
                       {"op": "worker"} + a socket, for each worker
    from a worker    → {"op": "join"}                  ← {"stage": "..."}*, {"nets": {...}, ...} or {"error": {...}}
                       {"op": "line"} + a socket and a memory file (engine/remote_nets)

A GPU computes best for one process: processes that share it take turns, and each holds the engine anew. What surrounds
the nets is work for many processes, because Python computes in one thread at a time. So workers do that, and this
process runs the nets for all of them. It ends when the service closes its channel.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from ocrspool.engine_request import EngineRequest
from ocrspool.observability import log_setup
from ocrspool.processes import lifetime
from ocrspool.processes.channel import Channel, ChannelClosedError, Message
from ocrspool.recognition.child.engines import RealEngines
from ocrspool.recognition.child.failures import failure

if TYPE_CHECKING:
    from ocrspool.engine.remote_nets.server import NetServer


class SharedEngine:
    """Loads one engine, and lets workers call its nets."""

    def __init__(self) -> None:
        self._loaded: Future[tuple[NetServer, dict[str, float]]] = Future()
        """Its nets, and the seconds of each stage of the loading."""
        self._waiting: list[Channel] = []
        """Workers that are told the stages of the loading."""

    def serve(self, channel: Channel) -> None:
        """Take workers from the service until it goes away. The engine is loaded meanwhile, in a thread."""
        with contextlib.suppress(ChannelClosedError):
            request, _ = channel.receive()
            log_setup.set_up(**request["log"])
            wanted = EngineRequest.from_json(request["engine"])
            threading.Thread(target=self._load, args=(wanted,), name="load", daemon=True).start()
            while True:
                _, (descriptor,) = channel.receive()
                worker = Channel(socket.socket(fileno=descriptor))
                threading.Thread(target=self._serve, args=(worker,), name="worker", daemon=True).start()

    def _load(self, request: EngineRequest) -> None:
        try:
            engine = RealEngines().load_shared(request, self._stage)
            from ocrspool.engine.remote_nets.server import NetServer  # noqa: PLC0415 - numpy is there by now

            self._loaded.set_result((NetServer(engine.nets), engine.facts["seconds"]))
        except BaseException as error:  # noqa: BLE001 - whatever it is, workers are told
            self._loaded.set_exception(error)

    def _stage(self, text: str) -> None:
        for worker in list(self._waiting):
            with contextlib.suppress(ChannelClosedError):
                worker.send({"stage": text})

    def _serve(self, worker: Channel) -> None:
        """Tell a worker of the engine, and open lines to it until it goes away."""
        with contextlib.suppress(ChannelClosedError):
            worker.receive()
            self._waiting.append(worker)
            try:
                nets, seconds = self._loaded.result()
            except BaseException as error:  # noqa: BLE001 - whatever it is, the worker passes it on
                worker.send(failure(error))
                return
            finally:
                self._waiting.remove(worker)
            worker.send({**nets.description(), "seconds": seconds})
            while True:
                self._open(nets, *worker.receive())
        worker.close()

    def _open(self, nets: NetServer, _: Message, descriptors: list[int]) -> None:
        line, memory = descriptors
        try:
            nets.serve(Channel(socket.socket(fileno=line)), memory)
        finally:
            os.close(memory)


def main() -> None:
    """Serve until the service goes away."""
    lifetime.die_with_parent()
    os.umask(0o077)  # as a worker's
    SharedEngine().serve(Channel(socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    main()
