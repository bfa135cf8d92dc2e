"""The scheduler: it knows which hosts have joined. It gets no page, and keeps nothing on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from distributed import Scheduler

from ocrspool.cluster.dask.options import set_up
from ocrspool.config.sections import Cluster as Settings


class _Scheduler(Scheduler):  # type: ignore[misc] # Dask has no types
    """A scheduler of Dask without its HTTP server, which would be one more port, and an open one."""

    def start_http_server(self, *_: object, **__: object) -> None:
        """Do nothing."""


async def serve(settings: Settings, stop: asyncio.Event, on_ready: Callable[[str], None]) -> None:
    """Serve until `stop` is set. Raise EngineError where the certificates are of no use, OSError for the port."""
    security = set_up(settings)
    protocol, _, place = settings.scheduler.partition("://")
    host, _, port = place.rpartition(":")
    async with _Scheduler(
        host=host.strip("[]"), port=int(port), protocol=protocol, security=security, dashboard=False
    ) as scheduler:
        on_ready(scheduler.address)
        await stop.wait()
