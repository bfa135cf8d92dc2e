"""Run the bridge: its argument is the number of the channel's descriptor."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from typing import Any

from ocrspool.config.schema import Cluster as Settings
from ocrspool.errors import EngineError, Exit, OcrspoolError
from ocrspool.observability import log_setup
from ocrspool.processes import lifetime
from ocrspool.processes.channel import Channel, ChannelClosedError, Message


def main() -> None:
    """Answer the service until it goes away."""
    lifetime.die_with_parent()
    os.umask(0o077)
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    try:
        request, _ = channel.receive()
        log_setup.set_up(**request["log"])
        asyncio.run(_serve(channel, request))
    except ChannelClosedError:
        pass
    except OcrspoolError as error:
        kind = "config" if error.exit_code == Exit.CONFIG else "engine"
        channel.send({"error": {"kind": kind, "message": error.message, "hint": error.hint}})


async def _serve(channel: Channel, request: Message) -> None:
    """Join the cluster, and do what the service asks until it goes away. Raise EngineError."""
    try:
        from ocrspool.cluster.bridge.bridge import Bridge  # noqa: PLC0415 - see below
        from ocrspool.cluster.dask.client import DaskCluster  # noqa: PLC0415 - it may not be installed
    except ImportError as error:
        raise _missing(error) from error
    settings = Settings.model_validate(request["cluster"], strict=False)
    cluster = DaskCluster(settings)
    await cluster.start()
    bridge = Bridge(cluster, channel.send, settings.patience_seconds)
    channel.send({"ready": True})
    loop, over = asyncio.get_running_loop(), asyncio.Event()

    def take(message: Message, descriptors: list[int]) -> None:
        bridge.recognize(message["host"], message["page"], *descriptors)

    def listen() -> None:
        """Pass requests on to the event loop: a channel can only be waited for by a thread."""
        try:
            while True:
                loop.call_soon_threadsafe(take, *channel.receive())
        except ChannelClosedError:
            loop.call_soon_threadsafe(over.set)

    threading.Thread(target=listen, name="requests", daemon=True).start()
    watching: asyncio.Task[Any] = asyncio.create_task(bridge.watch())
    ending = asyncio.create_task(over.wait())
    done, _ = await asyncio.wait({watching, ending}, return_when=asyncio.FIRST_COMPLETED)
    if watching in done:
        watching.result()  # raises what ended it
    os._exit(0)  # nothing here is worth an orderly end, and calls to hosts may not answer


def _missing(error: ImportError) -> EngineError:
    missing = EngineError(
        f"a cluster needs the extra cluster, and {error.name} is not installed",
        "scripts/install --with cluster, or pip install 'ocrspool[cluster]'",
    )
    missing.exit_code = Exit.CONFIG
    return missing


if __name__ == "__main__":
    main()
