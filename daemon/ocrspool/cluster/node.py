"""The life of `ocrspool node`: load the engines of this host, join the cluster, read pages until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ocrspool.cluster.agent import AboutHost, Agent
from ocrspool.cluster.dask import node as dask_node
from ocrspool.cluster.dask.options import VERSION, set_up
from ocrspool.cluster.files import FileDecoders, open_received
from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config
from ocrspool.config.sections import Cluster
from ocrspool.decoding.facts import decoding_facts
from ocrspool.decoding.pool import DecoderProcessPool, decoder_count
from ocrspool.errors import ConfigError, EngineMissingError, Exit, OcrspoolError
from ocrspool.observability.systemd import Notifier
from ocrspool.recognition.pool import WorkerPool
from ocrspool.recognition.prebuild import SILENCE_SECONDS, prebuild

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.2
_NEWS_SECONDS = 1.5
_LEAVING_SECONDS = 3.0


def run(config: Config) -> None:
    """Serve until SIGTERM or SIGINT. Raise OcrspoolError where that cannot begin."""
    notifier = Notifier()
    try:
        _run(config, notifier)
    except OcrspoolError as error:
        notifier.last_words(error)
        notifier.failed(error.exit_code)
        raise


def _run(config: Config, notifier: Notifier) -> None:
    if not config.cluster.scheduler:
        raise ConfigError(["cluster.scheduler: is not set"], "a node needs to know the scheduler of its cluster")
    if not config.engine.devices:
        raise ConfigError(["engine.devices: is empty"], "name the devices of this host that are to recognize")
    set_up(config.cluster)  # wrong certificates are told before minutes of loading
    config.paths.runtime.mkdir(parents=True, exist_ok=True)
    settings = config.cluster.model_copy(update={"name": config.cluster.name or os.uname().nodename})
    # The pool of a host is that of a machine without a cluster.
    live = CurrentConfig(config.model_copy(update={"cluster": Cluster()}))
    with notifier.extend_timeout_while(SILENCE_SECONDS):
        pool, facts = _loaded(live, notifier)
    about = AboutHost(settings.name, VERSION, facts.get("seconds", {}), decoding_facts(config.limits))
    count = decoder_count(config)
    agent = Agent(about, pool, FileDecoders(DecoderProcessPool(count, live, opened=open_received)), count)
    try:
        asyncio.run(_Life(settings, agent, pool, notifier).serve(config.paths.runtime, config.service.stop_seconds))
    finally:  # after an error alone: a node that is told to stop has ended by now
        pool.close()
        agent.close()


def _loaded(live: CurrentConfig, notifier: Notifier) -> tuple[WorkerPool, Mapping[str, Any]]:
    """Return the pool of this host and the facts of its first engine, which is built first where that is allowed."""
    for missing_is_built in (live.config.engine.on_missing == "build", False):
        pool = WorkerPool(live, notifier.status)
        pool.start()
        try:
            return pool, pool.wait_ready()
        except EngineMissingError as error:
            pool.close()
            if not missing_is_built:
                raise
            _log.warning('%s; building it now, because engine.on_missing is "build"', error)
            prebuild(live.config, notifier.status)
        except BaseException:
            pool.close()
            raise
    raise AssertionError  # the second turn returns or raises


class _Life:
    """A node between the loading of its engines and its end."""

    def __init__(self, settings: Cluster, agent: Agent, pool: WorkerPool, notifier: Notifier) -> None:
        self._settings = settings
        self._agent = agent
        self._pool = pool
        self._notifier = notifier
        self._stop = asyncio.Event()

    async def serve(self, folder: Path, stop_seconds: float) -> None:
        """Join, and answer until a signal comes. Then finish the pages in work within the stop time."""
        loop = asyncio.get_running_loop()
        for wish in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(wish, self._stop.set)
        self._notifier.ready()
        self._notifier.status(f"engines loaded; joining {self._settings.scheduler}")
        joined = asyncio.create_task(dask_node.stay_joined(self._settings, self._agent, folder, self._told))
        beating = asyncio.create_task(self._keep_alive())
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({joined, stopping}, return_when=asyncio.FIRST_COMPLETED)
        beating.cancel()
        if joined.done():
            joined.result()  # it ends by an error only
        await self._leave(stop_seconds)
        self._pool.close()
        self._agent.close()
        joined.cancel()
        await asyncio.wait({joined}, timeout=_LEAVING_SECONDS)
        # What Dask has begun may wait for others, and nothing of it matters any more.
        logging.shutdown()
        os._exit(Exit.OK)

    async def _leave(self, seconds: float) -> None:
        """Take no more pages, and finish those in work. Services ask every second, so they know before it has gone."""
        self._notifier.stopping()
        self._agent.leaving = True
        _log.info("stopping: %d pages in work", self._agent.in_work)
        deadline = asyncio.get_running_loop().time() + seconds
        await asyncio.sleep(min(seconds, _NEWS_SECONDS))
        while self._agent.in_work and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - see deadline
            await asyncio.sleep(_LOOK_SECONDS)

    async def _keep_alive(self) -> None:
        """Show systemd's watchdog that this loop turns and the workers answer."""
        while (every := self._notifier.keepalive_seconds) is not None:
            if self._pool.status().responsive:
                self._notifier.keepalive()
            await asyncio.sleep(every)

    def _told(self, what: str) -> None:
        """Take note of the address at which this host can be reached, or of why it has not joined."""
        if "://" in what and " " not in what:
            _log.info("joined %s as %s, at %s", self._settings.scheduler, self._settings.name, what)
            self._notifier.status(f"reads pages for {self._settings.scheduler} as {self._settings.name}, at {what}")
        else:
            _log.warning("not in the cluster: %s", what)
            self._notifier.status(f"not in the cluster {self._settings.scheduler}: {what}")
