"""The bridge's way to scheduler and hosts: calls to handlers, without tasks.

Pages do not travel as tasks of Dask. A task goes through the scheduler, which may repeat and move it, and takes ten
milliseconds; a call goes to one host, once, and takes two. So Dask has nothing that it could try again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from distributed.core import ConnectionPool
from distributed.protocol import to_serialize

from ocrspool.cluster.api import ClusterError, Members
from ocrspool.cluster.dask.options import set_up
from ocrspool.cluster.dask.reasons import in_words
from ocrspool.config.sections import Cluster as Settings

NAME = "ocrspool:"
"""Hosts of ours have names that begin so. Other workers of a Dask cluster are left alone."""

_MOST_CONNECTIONS = 1024


class DaskCluster:
    """A Cluster on Dask. All of it runs in one event loop."""

    def __init__(self, settings: Settings) -> None:
        """Raise EngineError where the certificates are of no use."""
        security = set_up(settings)
        self._scheduler = settings.scheduler
        self._patience = settings.patience_seconds
        self._calls = ConnectionPool(
            limit=_MOST_CONNECTIONS, connection_args=security.get_connection_args("client"), serializers=["dask"]
        )

    async def start(self) -> None:
        """Make it ready for use, in this event loop."""
        await self._calls.start()

    async def members(self) -> Members:
        """Ask the scheduler who has joined. Raise ClusterError."""
        found = await self._call(self._scheduler, "identity")
        hosts = {
            address: str(worker["name"]).removeprefix(NAME)
            for address, worker in found["workers"].items()
            if str(worker["name"]).startswith(NAME)
        }
        return Members(str(found["id"]), hosts)

    async def report(self, address: str) -> str:
        """Ask a host how it is. Raise ClusterError."""
        return str(await self._call(address, "ocrspool_report"))

    async def read(self, address: str, page: Mapping[str, Any], pixels: memoryview) -> Mapping[str, Any]:
        """Have a host read a page. Raise ClusterError."""
        answer = await self._call(address, "ocrspool_read", page=page, pixels=to_serialize(pixels))
        if not isinstance(answer, dict):
            raise ClusterError("it does not answer about pages")
        return answer

    async def read_file(self, address: str, file: Mapping[str, Any], data: memoryview) -> Mapping[str, Any]:
        """Have a host decode and read a file. Raise ClusterError."""
        answer = await self._call(address, "ocrspool_read_file", file=file, data=to_serialize(data))
        if not isinstance(answer, dict):
            raise ClusterError("it does not answer about files")
        return answer

    async def keep(self, address: str, key: str, data: memoryview) -> bool:
        """Have a host keep a file. Return whether it does. Raise ClusterError."""
        return bool(await self._call(address, "ocrspool_keep", key=key, data=to_serialize(data)))

    async def forget(self, address: str, key: str) -> None:
        """Have a host drop a file that it keeps. Raise ClusterError."""
        await self._call(address, "ocrspool_forget", key=key)

    async def scheduler_version(self) -> str:
        """Return the version of Dask that the scheduler has. Raise ClusterError."""
        found = await self._call(self._scheduler, "versions")
        try:
            return str(found["packages"]["distributed"])
        except (LookupError, TypeError) as error:
            raise ClusterError(f"it does not say its version: {error!r}") from error

    async def echo(self, address: str, data: memoryview) -> None:
        """Send bytes to a host, which counts them. Raise ClusterError."""
        if await self._call(address, "ocrspool_echo", pixels=to_serialize(data)) != data.nbytes:
            raise ClusterError("not all bytes arrived")

    async def close(self) -> None:
        """Close all connections."""
        await self._calls.close()

    async def _call(self, address: str, operation: str, **arguments: Any) -> Any:  # noqa: ANN401 - what the other side says
        try:
            return await getattr(self._calls(address), operation)(**arguments)
        except (TimeoutError, asyncio.TimeoutError) as error:  # Dask's own, which is set to the same time
            raise ClusterError(f"no answer for {self._patience:g} s") from error
        except Exception as error:  # what the other side raised comes here as it was
            raise ClusterError(in_words(error)) from error
