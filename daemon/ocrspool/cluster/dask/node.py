"""A host in the cluster: joins the scheduler, and lets the agent answer calls. One port, and no other."""

from __future__ import annotations

import asyncio
import errno
import tempfile
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from distributed import Worker
from distributed.utils import get_ip

from ocrspool.cluster.api import Pages
from ocrspool.cluster.dask.client import NAME
from ocrspool.cluster.dask.options import set_up
from ocrspool.cluster.dask.reasons import in_words, innermost
from ocrspool.config.sections import Cluster as Settings
from ocrspool.errors import EngineError
from ocrspool.processes.backoff import Backoff

_JOIN_SECONDS = 10
_LONGEST_PAUSE = 5.0
_CLOSE_SECONDS = 4.0

OnChange = Callable[[str], None]
"""Is told the address at which the host can be reached, or why it cannot join."""


class _Node(Worker):  # type: ignore[misc] # Dask has no types
    """A worker of Dask without its HTTP server, which would be one more port, and an open one."""

    def start_http_server(self, *_: object, **__: object) -> None:
        """Do nothing."""


async def stay_joined(settings: Settings, agent: Pages, folder: Path, on_change: OnChange) -> None:
    """Join the scheduler, and join again whenever it or the way to it was lost. Ends when it is cancelled.

    The engines of the host stay loaded meanwhile. Raise EngineError where the certificates are of no use, and where
    another process has the port. An earlier turn of this one may still have it, when the machine is slow.
    """
    security = set_up(settings)
    pauses = Backoff(1.0, _LONGEST_PAUSE)
    is_first = True
    with tempfile.TemporaryDirectory(prefix="node-", dir=folder) as scratch:
        while True:
            worker = None
            try:
                worker = _worker(settings, security, scratch)
                worker.handlers |= _handlers(agent)
                await worker
                pauses.reset()
                on_change(worker.address)
                await worker.finished()
                on_change("the scheduler was lost")
            except (OSError, asyncio.TimeoutError, RuntimeError) as error:
                if is_first and getattr(innermost(error), "errno", None) == errno.EADDRINUSE:
                    told = f"cluster.port: another process has port {settings.port}"
                    raise EngineError(told, "end that process, or set another port") from error
                on_change(in_words(error))
            finally:
                if worker is not None:
                    # It takes leave of the scheduler, which may not answer. Joining again does not wait for that.
                    closing = asyncio.create_task(worker.close(timeout=2, reason="leaving"))
                    await asyncio.wait({closing}, timeout=_CLOSE_SECONDS)
            is_first = False
            await asyncio.sleep(pauses.next())


def _worker(settings: Settings, security: Any, scratch: str) -> _Node:  # noqa: ANN401 - Dask has no types
    protocol, _, place = settings.scheduler.partition("://")
    host, _, port = place.rpartition(":")
    own = settings.address or get_ip(host.strip("[]"), int(port))
    if protocol != "tls" and not ip_address(own).is_loopback:  # the last look before the port opens
        raise EngineError(f"a node without certificates may not listen at {own}", "set cluster.address to 127.0.0.1")
    return _Node(
        settings.scheduler,
        name=NAME + settings.name,
        nthreads=1,
        memory_limit=0,
        protocol=protocol,
        host=own,
        port=settings.port,
        security=security,
        local_directory=scratch,
        death_timeout=_JOIN_SECONDS,
    )


def _handlers(agent: Pages) -> dict[str, Callable[..., Any]]:
    async def ocrspool_report() -> str:
        return agent.report()

    async def ocrspool_read(page: Mapping[str, Any], pixels: Any) -> dict[str, Any]:  # noqa: ANN401 - bytes of some kind
        return await agent.read(page, memoryview(pixels))

    async def ocrspool_read_file(file: Mapping[str, Any], data: Any) -> dict[str, Any]:  # noqa: ANN401 - see above
        return await agent.read_file(file, memoryview(data))

    async def ocrspool_keep(key: str, data: Any) -> bool:  # noqa: ANN401 - see above
        return await agent.keep(key, memoryview(data))

    async def ocrspool_forget(key: str) -> None:
        agent.forget(key)

    async def ocrspool_echo(pixels: Any) -> int:  # noqa: ANN401 - see above
        return memoryview(pixels).nbytes

    return {
        "ocrspool_report": ocrspool_report,
        "ocrspool_read": ocrspool_read,
        "ocrspool_read_file": ocrspool_read_file,
        "ocrspool_keep": ocrspool_keep,
        "ocrspool_forget": ocrspool_forget,
        "ocrspool_echo": ocrspool_echo,
    }
