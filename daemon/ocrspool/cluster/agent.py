"""The agent on a host: pages and files come from the cluster, the host's own workers read them, answers go back."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ocrspool import __version__
from ocrspool.cluster.files import DecodedFile, FileDecoders
from ocrspool.cluster.kept_files import IDLE_SECONDS, KeptFiles
from ocrspool.decoding.api import DecodedPage, DecoderDiedError
from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import EncodedText, PageImage, PageOptions, Recognized
from ocrspool.recognition.api import PageRecognizer
from ocrspool.recognition.hosts.answers import HostReport, Outcome, outcome_to_json, report_to_json
from ocrspool.recognition.hosts.file_answers import DecoderDeath, FileOutcome, file_outcome_to_json
from ocrspool.recognition.hosts.program import code
from ocrspool.recognition.page_json import encoded_and_sound

_log = logging.getLogger(__name__)

_UNREAD = frozenset({"identity", "seconds"})
"""Facts of an engine that no page needs: the report of the host has them."""

_LOOK_SECONDS = 5.0
"""Pages that wait while no worker has an engine go back after so long, so that another host can read them."""


class Pool(PageRecognizer, Protocol):
    """The pool of workers (recognition/pool.py)."""

    def engine_facts(self) -> tuple[Mapping[str, Any], ...]:
        """Return each engine that reads now."""


@dataclass(frozen=True, slots=True)
class AboutHost:
    """What a host says of itself that does not change."""

    name: str
    dask: str
    """The version of the library."""
    seconds: Mapping[str, float]
    """What each stage of loading the engine took."""
    decoding: Mapping[str, str]
    """What its page images depend on (decoding/facts.py)."""


class Agent:
    """Reads pages for the services of a cluster. All methods are called by the thread of the event loop."""

    def __init__(self, about: AboutHost, pool: Pool, decoders: FileDecoders, threads: int) -> None:
        """So many files are decoded at a time."""
        self._about = about
        self._pool = pool
        self._decoders = decoders
        # They last as long as the agent: decoders end with the threads that have started them.
        self._threads = ThreadPoolExecutor(threads, "files")
        self._kept = KeptFiles()
        self._code = code()
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
                name=self._about.name,
                version=__version__,
                code=self._code,
                dask=self._about.dask,
                engines=self._pool.engine_facts(),
                workers=workers,
                leaving=self.leaving,
                pages=self._pages,
                in_work=self.in_work,
                restarts=status.restarts,
                began=self._began,
                seconds=self._about.seconds,
                decoding=self._about.decoding,
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

    async def read_file(self, file: Mapping[str, Any], data: memoryview) -> dict[str, Any]:
        """Decode a file and read its pages. See `Pages`."""
        if self.leaving:
            return self._refused("this host is about to end")
        began = time.monotonic()
        descriptor = None if data.nbytes else self._kept.opened(file["key"])
        if descriptor is None and not data.nbytes:
            return {"unknown": True}
        self.in_work += 1
        try:
            answer, kept = await self._file_answer(file, data, descriptor)
        finally:
            self.in_work -= 1
        self._drop_later()
        if answer is None:
            return self._refused("no worker of this host has an engine")
        return {"answer": answer, "seconds": time.monotonic() - began, "kept": kept}

    async def keep(self, key: str, data: memoryview) -> bool:
        """Keep a file of which parts will be asked for. See `Pages`."""
        try:
            descriptor = await asyncio.to_thread(memory_file, data)
        except OSError as error:
            _log.warning("a file of %d bytes cannot be kept: %s", data.nbytes, error)
            return False
        try:
            return self._kept.keep(key, descriptor)
        finally:
            os.close(descriptor)
            self._drop_later()

    def forget(self, key: str) -> None:
        """Drop a file that is kept. See `Pages`."""
        self._kept.forget(key)

    def close(self) -> None:
        """End the decoders, and drop the files that are kept."""
        self._kept.close()
        self._decoders.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _drop_later(self) -> None:
        asyncio.get_running_loop().call_later(IDLE_SECONDS, self._kept.drop_idle)

    async def _file_answer(
        self, file: Mapping[str, Any], data: memoryview, descriptor: int | None
    ) -> tuple[str | None, bool]:
        """Return what became of a file, as text, and whether it is kept; None where its pages will not be read soon.

        `descriptor` is that of the file where it was kept. It is closed.
        """
        loop = asyncio.get_running_loop()
        outcome: FileOutcome
        kept = False
        try:
            if descriptor is None:
                descriptor = await asyncio.to_thread(memory_file, data)
            found = await loop.run_in_executor(self._threads, self._decoders.decode, file, descriptor, self._submit)
            if not await self._are_read(found):
                return None, False
            self._pages += len(found.readings())
            if found.document.pages > file["first"] + file["most"]:
                kept = self._kept.keep(file["key"], descriptor)
            outcome = found.answer(_brief)
        except DecoderDiedError as error:
            outcome = DecoderDeath(error.message)
        except (DocumentError, EngineError) as error:
            outcome = error
        except Exception as error:  # noqa: BLE001 - whatever it is, it is an answer
            outcome = _failed(error)
        finally:
            if descriptor is not None:
                os.close(descriptor)
        return await loop.run_in_executor(None, file_outcome_to_json, outcome), kept

    def _submit(self, page: DecodedPage, options: PageOptions) -> Future[Recognized]:
        return self._pool.submit(page.image, options)

    async def _are_read(self, found: DecodedFile) -> bool:
        """Wait for the pages of a file. Return False where one of them was taken back; then all are that can be."""
        for reading in found.readings():
            if not await self._is_read(reading):
                for other in found.readings():
                    other.cancel()
                return False
        return True

    async def _outcome(self, page: Mapping[str, Any], pixels: memoryview) -> Outcome | None:
        """Return what became of a page; None where no worker has begun with it, nor will soon."""
        try:
            image = PageImage(**page["image"], fd=memory_file(pixels))
            # The pool makes its caller wait while it holds too many bytes, and the event loop must not wait.
            options = PageOptions.from_json(page["options"])
            future = await asyncio.to_thread(self._pool.submit, image, options, alone=page["alone"])
            if not await self._is_read(future):
                return None
            return _brief(encoded_and_sound(future.result()))
        except (DocumentError, EngineError) as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever it is, it is an answer
            return _failed(error)

    async def _is_read(self, future: Future[Recognized]) -> bool:
        """Wait for a page. Return False where it waits in the queue, no worker has an engine, and it was taken back."""
        done = asyncio.wrap_future(future)
        while not (await asyncio.wait({done}, timeout=_LOOK_SECONDS))[0]:
            if not self._pool.status().ready and future.cancel():
                return False
        if not done.cancelled():
            done.exception()  # it is told by the future; without this, asyncio would log it too
        return True

    def _refused(self, reason: str) -> dict[str, Any]:
        return {"refused": reason, "report": self.report()}


def _brief(found: EncodedText) -> EncodedText:
    return replace(found, engine={name: found.engine[name] for name in found.engine if name not in _UNREAD})


def _failed(error: Exception) -> EngineError:
    _log.error("a page or a file could not be read", exc_info=error)
    return EngineError(f"the agent failed: {error!r}", "the log of that host has the trace")


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
