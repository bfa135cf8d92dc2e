"""Run the bridge: its argument is the number of the channel's descriptor."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

import ocrspool
from ocrspool.cluster.bridge.bridge import Bridge
from ocrspool.config.sections import Cluster as Settings
from ocrspool.errors import EngineError, Exit, OcrspoolError
from ocrspool.observability import log_setup
from ocrspool.processes import lifetime
from ocrspool.processes.channel import Channel, ChannelClosedError, Message
from ocrspool.processes.sandbox import confine_files


def main() -> None:
    """Answer the service until it goes away."""
    lifetime.die_with_parent()
    os.umask(0o077)
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    try:
        request, _ = channel.receive()
        log_setup.set_up(**request["log"])
        settings = Settings.model_validate(request["cluster"], strict=False)
        _load()
        confine_files(_readable(settings))
        asyncio.run(_serve(channel, settings))
    except ChannelClosedError:
        pass
    except OcrspoolError as error:
        kind = "config" if error.exit_code == Exit.CONFIG else "engine"
        channel.send({"error": {"kind": kind, "message": error.message, "hint": error.hint}})


def _load() -> None:
    """Import what a cluster needs. Raise EngineError where it is not installed."""
    try:
        import_module("ocrspool.cluster.dask.client")
    except ImportError as error:
        raise _missing(error) from error


def _readable(settings: Settings) -> list[str]:
    """Return the folders that this process may read from now on: programs, names of hosts, its certificates.

    Packages may lie outside of the environment, where a .pth file names their folder.

    A host that was taken over could run code here, and is to find no document, no configuration of a hook, and nothing
    that can be written. What it has of documents are the copies that it sends.
    """
    packages = [*sys.path, str(Path(ocrspool.__file__).parents[1])]
    programs = [sys.prefix, sys.base_prefix, *packages, "/lib", "/lib64", "/usr/lib"]
    own = [str(file.parent) for file in (settings.ca, settings.certificate, settings.key) if file is not None]
    return [*programs, "/etc", "/proc", "/run/systemd/resolve", *own]


async def _serve(channel: Channel, settings: Settings) -> None:
    """Join the cluster, and do what the service asks until it goes away. Raise EngineError."""
    from ocrspool.cluster.dask.client import DaskCluster  # noqa: PLC0415 - there by now
    from ocrspool.cluster.dask.options import VERSION  # noqa: PLC0415

    cluster = DaskCluster(settings)
    await cluster.start()
    bridge = Bridge(cluster, channel.send, settings.patience_seconds)
    channel.send({"ready": {"dask": VERSION}})
    loop, over = asyncio.get_running_loop(), asyncio.Event()

    def take(message: Message, descriptors: list[int]) -> None:
        if message["op"] == "read_file":
            bridge.read_file(message["host"], message["file"], *descriptors)
        elif message["op"] == "forget_file":
            bridge.forget_file(message["key"])
        else:
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
