"""The agent on a host: pages come from the cluster, the host's own pool of workers reads them, answers go back."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Protocol

from ocrspool import __version__
from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import PageImage, PageOptions, PageText
from ocrspool.recognition.api import PageRecognizer
from ocrspool.recognition.hosts.answers import HostReport, Outcome, outcome_to_json, report_to_json
from ocrspool.recognition.hosts.program import code

_log = logging.getLogger(__name__)

_UNREAD = frozenset({"identity", "seconds"})
"""Facts of an engine that no page needs: the report of the host has them."""

_LOOK_SECONDS = 5.0
"""Pages that wait while no worker has an engine go back after so long, so that another host can read them."""


class Pool(PageRecognizer, Protocol):
    """The pool of workers (recognition/pool.py)."""

    def engine_facts(self) -> tuple[Mapping[str, Any], ...]:
        """Return each engine that reads now."""


class Agent:
    """Reads pages for the services of a cluster. All methods are called by the thread of the event loop."""

    def __init__(self, name: str, pool: Pool, dask: str, seconds: Mapping[str, float]) -> None:
        """`dask` is the version of the library, `seconds` what each stage of loading the engine took."""
        self._name = name
        self._pool = pool
        self._code = code()
        self._dask = dask
        self._seconds = seconds
        self._began = time.time()
        self._pages = 0
        self.in_work = 0
        self.leaving = False
        """Whether it takes no more pages."""

    def report(self) -> str:
        """Say how this host is."""
        status = self._pool.status()
        workers = sum(int(engine["workers"]) for engine in status.engines)
        return report_to_json(
            HostReport(
                name=self._name,
                version=__version__,
                code=self._code,
                dask=self._dask,
                engines=self._pool.engine_facts(),
                workers=workers,
                leaving=self.leaving,
                pages=self._pages,
                in_work=self.in_work,
                restarts=status.restarts,
                began=self._began,
                seconds=self._seconds,
            )
        )

    async def read(self, page: Mapping[str, Any], pixels: memoryview) -> dict[str, Any]:
        """Read a page. See `Pages`."""
        if self.leaving:
            return self._refused("this host is about to end")
        began = time.monotonic()
        self.in_work += 1
        try:
            outcome = await self._outcome(page, pixels)
        finally:
            self.in_work -= 1
        if outcome is None:
            return self._refused("no worker of this host has an engine")
        self._pages += 1
        return {"answer": outcome_to_json(outcome), "seconds": time.monotonic() - began}

    async def _outcome(self, page: Mapping[str, Any], pixels: memoryview) -> Outcome | None:
        """Return what became of a page; None where no worker has begun with it, nor will soon."""
        try:
            image = PageImage(**page["image"], fd=memory_file(pixels))
            # The pool makes its caller wait while it holds too many bytes, and the event loop must not wait.
            options = PageOptions.from_json(page["options"])
            future = await asyncio.to_thread(self._pool.submit, image, options, alone=page["alone"])
            if not await self._is_read(future):
                return None
            found = future.result()
            return replace(found, engine={name: found.engine[name] for name in found.engine if name not in _UNREAD})
        except (DocumentError, EngineError) as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever it is, it is an answer
            _log.error("a page could not be read", exc_info=error)
            return EngineError(f"the agent failed: {error!r}", "the log of that host has the trace")

    async def _is_read(self, future: Future[PageText]) -> bool:
        """Wait for a page. Return False where it waits in the queue, no worker has an engine, and it was taken back."""
        done = asyncio.wrap_future(future)
        while not (await asyncio.wait({done}, timeout=_LOOK_SECONDS))[0]:
            if not self._pool.status().ready and future.cancel():
                return False
        return True

    def _refused(self, reason: str) -> dict[str, Any]:
        return {"refused": reason, "report": self.report()}


def memory_file(pixels: memoryview) -> int:
    """Return the descriptor of a new memory file with these bytes, as decoders make them. Raise OSError."""
    descriptor = os.memfd_create("page", os.MFD_CLOEXEC)
    try:
        written = 0
        with memoryview(pixels).cast("B") as data:
            while written < len(data):
                written += os.write(descriptor, data[written:])
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
