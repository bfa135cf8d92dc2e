"""The life of `ocrspool cluster scheduler`."""

from __future__ import annotations

import asyncio
import logging
import signal

from ocrspool.cluster.dask import scheduler as dask_scheduler
from ocrspool.config.schema import Config
from ocrspool.errors import EngineError, OcrspoolError
from ocrspool.observability.systemd import Notifier

_log = logging.getLogger(__name__)


def run(config: Config) -> None:
    """Serve until SIGTERM or SIGINT. Raise OcrspoolError where that cannot begin."""
    notifier = Notifier()

    def ready(address: str) -> None:
        _log.info("hosts can join at %s", address)
        notifier.ready()
        notifier.status(f"hosts can join at {address}")

    async def serve() -> None:
        stop = asyncio.Event()
        for wish in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(wish, stop.set)
        await dask_scheduler.serve(config.cluster, stop, ready)
        notifier.stopping()

    try:
        asyncio.run(serve())
    except OcrspoolError as error:
        notifier.last_words(error)
        notifier.failed(error.exit_code)
        raise
    except OSError as error:
        raise EngineError(f"cannot listen at {config.cluster.scheduler}: {error}") from error
