"""Carries pages and files to hosts and answers back, and watches over the hosts. It decides nothing about them.

A host is asked every second how it is. Where that has no answer in time, or a connection to it breaks, the host is
gone: one message says so, and stands for all pages that it had.
"""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from ocrspool.cluster.api import Cluster, ClusterError
from ocrspool.cluster.bridge.file_sender import FileSender, Said
from ocrspool.cluster.bridge.link_meter import LinkMeter
from ocrspool.errors import EngineError
from ocrspool.processes.channel import Message
from ocrspool.recognition.hosts.answers import check_outcome, outcome_to_json, report_from_json
from ocrspool.recognition.hosts.file_answers import check_file_outcome

_LOOK_SECONDS = 1.0
"""So often the scheduler is asked who has joined, and each host how it is."""
_SCHEDULER_SECONDS = 2.0
"""A scheduler that does not answer for so long, when a host has gone, counts as the reason."""

_TURN_SECONDS = 0.02
_ECHO_BYTES, _ECHOES, _LONG_ECHO_SECONDS = 1 << 20, 3, 0.3
"""The way to a host is measured when it comes: so many bytes, so often, once where that takes long."""
_NO_ANSWER = (ClusterError, LookupError, TypeError, ValueError)
"""A host did not answer, or what it said is no answer."""

_Answer = TypeVar("_Answer")
_Asked = Callable[[], Coroutine[Any, Any, Said]]
_Read = Callable[["_Host", Mapping[str, Any], memoryview], Coroutine[Any, Any, Said]]


@dataclass(slots=True, eq=False)
class _Host:
    """A host that has said how it is."""

    name: str
    address: str
    link: LinkMeter
    files: FileSender
    pages: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    lost: bool = False


class Bridge:
    """Between one service and the hosts. All of it runs in one event loop."""

    def __init__(self, cluster: Cluster, send: Callable[[Message], None], patience_seconds: float) -> None:
        """`send` takes the messages for the service."""
        self._cluster = cluster
        self._send = send
        self._patience = patience_seconds
        self._scheduler = ""
        """The id of the scheduler's run, as of the last look; "" while it does not answer."""
        self._scheduler_dask = ""
        """Its version of Dask; "" while that is not known."""
        self._following: dict[str, asyncio.Task[None]] = {}
        """Asks a host how it is, again and again; by address."""
        self._hosts: dict[str, _Host] = {}
        """By name."""
        self._forgetting: set[asyncio.Task[None]] = set()

    async def watch(self) -> None:
        """Look who has joined, for ever. Each look is told to the service, which so knows that the bridge works."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Ask the scheduler who has joined, and begin to follow who is new."""
        try:
            members = await self._in_time(self._cluster.members())
        except ClusterError as error:
            self._scheduler = ""
            self._send({"scheduler": {"up": False, "reason": str(error)}})
            return
        if members.scheduler != self._scheduler:
            self._scheduler_dask = await self._version_of_scheduler()
        self._scheduler = members.scheduler
        self._send({"scheduler": {"up": True, "reason": "", "dask": self._scheduler_dask}})
        for address in members.hosts:
            if address not in self._following:
                self._following[address] = asyncio.create_task(self._follow(address))

    async def _version_of_scheduler(self) -> str:
        try:
            return await self._in_time(self._cluster.scheduler_version())
        except ClusterError:
            return ""

    def recognize(self, name: str, page: dict[str, Any], descriptor: int) -> None:
        """Begin to have a page read. The descriptor is that of its pixels; it is closed.

        A host that is not known has just gone, and the message that said so stands for this page too.
        """
        self._begin("page", self._read_page, name, page, descriptor)

    def read_file(self, name: str, file: dict[str, Any], descriptor: int) -> None:
        """Begin to have a file decoded and read, likewise. The descriptor is that of a memory file with its bytes."""
        self._begin("file", lambda host, what, data: host.files.read(what, data), name, file, descriptor)

    def forget_file(self, key: str) -> None:
        """Have all hosts that keep a file drop it: the service is done with it."""
        for host in self._hosts.values():
            if host.files.forgotten(key) and not host.lost:
                forgetting = asyncio.create_task(self._forget(host.address, key))
                self._forgetting.add(forgetting)
                forgetting.add_done_callback(self._forgetting.discard)

    async def _forget(self, address: str, key: str) -> None:
        with contextlib.suppress(ClusterError):  # then the host is lost, or drops it when nobody asks for it
            await self._in_time(self._cluster.forget(address, key))

    async def _read_page(self, host: _Host, page: Mapping[str, Any], pixels: memoryview) -> Said:
        began = time.monotonic()
        answer = await self._cluster.read(host.address, page, pixels)
        host.link.note_answer(began, time.monotonic(), answer, pixels.nbytes)
        return Said(answer, pixels.nbytes)

    def _begin(self, kind: str, read: _Read, name: str, what: dict[str, Any], descriptor: int) -> None:
        number = what["number"]
        try:
            host = self._hosts.get(name)
            if host is None or host.lost:
                return
            size = os.fstat(descriptor).st_size
            data = memoryview(mmap.mmap(descriptor, size, prot=mmap.PROT_READ))
        except (OSError, ValueError) as error:  # no memory: as if an engine had none
            answer = outcome_to_json(EngineError(f"the bridge to the cluster cannot map a {kind}: {error}"))
            self._send({kind: {"number": number, "answer": answer, "wire_seconds": 0.0, "sent": 0}})
            return
        finally:
            os.close(descriptor)
        asked = partial(read, host, what, data)
        host.pages[number] = asyncio.create_task(self._read(kind, host, number, asked))

    async def _read(self, kind: str, host: _Host, number: int, asked: _Asked) -> None:
        began = time.monotonic()
        try:
            found = await asked()
            said = found.answer
            if "refused" in said:
                returned = {"number": number, "reason": f"{host.name}: {said['refused']}", "counts": False}
                report_from_json(said["report"])
                self._send_host(host, said["report"])
                self._send({"returned": returned})
            else:
                wire = max(0.0, time.monotonic() - began - said["seconds"])
                about = {"number": number, "answer": said["answer"], "wire_seconds": wire, "sent": found.sent}
                self._send(_told(kind, host, about))
        except _NO_ANSWER as error:
            host.pages.pop(number, None)
            await self._lose(host, _why(error))
        finally:
            host.pages.pop(number, None)

    async def _follow(self, address: str) -> None:
        """Ask a host how it is until it does not answer. A host that never answered is nobody's news."""
        host: _Host | None = None
        try:
            while host is None or not host.lost:
                began = time.monotonic()
                report = await self._in_time(self._cluster.report(address))
                took = time.monotonic() - began
                told = report_from_json(report)  # the service need not be told of what makes no sense
                if host is None:
                    link = LinkMeter()
                    link.set(await self._measured(address))
                    host = await self._known(address, told.name, link)
                host.link.note_call(took)
                if not host.lost:
                    self._send_host(host, report)
                await asyncio.sleep(_LOOK_SECONDS)
        except _NO_ANSWER as error:
            if host is not None:
                await self._lose(host, _why(error))
        finally:
            del self._following[address]

    async def _measured(self, address: str) -> float:
        """Return how many bytes a second the way to a host carries. Raise ClusterError."""
        best, data = 0.0, memoryview(bytes(_ECHO_BYTES))
        for _ in range(_ECHOES):
            began = time.monotonic()
            await self._in_time(self._cluster.echo(address, data))
            took = time.monotonic() - began
            best = max(best, _ECHO_BYTES / max(took, 1e-6))
            if took > _LONG_ECHO_SECONDS:
                break
        return best

    async def _known(self, address: str, name: str, link: LinkMeter) -> _Host:
        """Return a host that has said its name. Two hosts of one name are told apart by their addresses.

        One that has just been lost, and is back already, waits until its loss has been told.
        """
        while name in self._hosts and self._hosts[name].lost:  # noqa: ASYNC110 - for a moment, and seldom
            await asyncio.sleep(_TURN_SECONDS)
        name = name if name not in self._hosts else f"{name} at {address}"
        self._hosts[name] = host = _Host(name, address, link, FileSender(self._cluster, address, link))
        return host

    async def _lose(self, host: _Host, reason: str) -> None:
        """Give a host up: once, whoever notices first. It may come back."""
        if host.lost:
            return
        host.lost = True
        host.files.close()
        for task in host.pages.values():
            task.cancel()
        # If the scheduler is away, or is another one than before, its loss has ended what the host was doing.
        counts = await self._scheduler_stands()
        del self._hosts[host.name]
        self._send({"gone": {"host": host.name, "reason": reason, "counts": counts}})

    async def _scheduler_stands(self) -> bool:
        before = self._scheduler
        try:
            members = await _within(_SCHEDULER_SECONDS, self._cluster.members())
        except ClusterError:
            return False
        return members.scheduler == before

    async def _in_time(self, asked: Coroutine[Any, Any, _Answer]) -> _Answer:
        """Wait for an answer within the patience. Raise ClusterError."""
        return await _within(self._patience, asked)

    def _send_host(self, host: _Host, report: str) -> None:
        link = {"link": host.link.bytes_per_second, "link_measured": host.link.measured}
        self._send({"host": {"host": host.name, "address": host.address, "report": report, **link}})


def _told(kind: str, host: _Host, about: Message) -> Message:
    """Return what the service is told of an answer. It does not look into the texts of pages itself."""
    try:
        (check_file_outcome if kind == "file" else check_outcome)(about["answer"])
    except ValueError as error:
        reason = f"{host.name}: it said what is no answer: {error}"
        return {"returned": {"number": about["number"], "reason": reason, "counts": True}}
    return {kind: about}


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, ClusterError) else f"it said what is no answer: {error!r}"


async def _within(seconds: float, asked: Coroutine[Any, Any, _Answer]) -> _Answer:
    """Wait for an answer at most so long. Raise ClusterError.

    asyncio.wait_for would do, but up to Python 3.11 it swallows a cancellation that comes together with the answer.
    """
    task = asyncio.create_task(asked)
    try:
        if not (await asyncio.wait({task}, timeout=seconds))[0]:
            raise ClusterError(f"no answer for {seconds:g} s")
        return task.result()
    finally:
        task.cancel()
