"""Sends files to one host: a long one once, however many of its parts the host reads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ocrspool.cluster.api import Cluster
from ocrspool.cluster.bridge.link_meter import LinkMeter

_NOTHING = memoryview(b"")


@dataclass(frozen=True, slots=True)
class Said:
    """What a host said of a page or a file, and how many bytes it was sent for that."""

    answer: Mapping[str, Any]
    sent: int


class FileSender:
    """The way of files to one host. All of it runs in one event loop."""

    def __init__(self, cluster: Cluster, address: str, meter: LinkMeter) -> None:
        self._cluster = cluster
        self._address = address
        self._meter = meter
        self._kept: dict[str, asyncio.Future[bool]] = {}
        """The files that the host keeps, or is just being sent, by key; false where it cannot keep one."""

    async def read(self, file: Mapping[str, Any], data: memoryview) -> Said:
        """Have the host read a part of a file. Raise ClusterError, LookupError or TypeError.

        The first part brings the file along, and the host says whether it keeps it, because there is more of it. For
        another part the file travels by itself first, if the host has it not, so that other parts need not wait.
        """
        key = file["key"]
        if file["first"] == 0:
            return await self._with_file(file, data)
        sent = 0
        if key not in self._kept:
            sent = data.nbytes
            self._kept[key] = asyncio.ensure_future(self._keep(key, data))
        if await asyncio.shield(self._kept[key]):
            answer = await self._cluster.read_file(self._address, file, _NOTHING)
            if not answer.get("unknown"):
                return Said(answer, sent)
            self._kept.pop(key, None)  # it had to make room
        said = await self._with_file(file, data)
        return Said(said.answer, sent + said.sent)

    def forgotten(self, key: str) -> bool:
        """Forget that the host keeps a file. Return whether it may do so."""
        return self._kept.pop(key, None) is not None

    def close(self) -> None:
        """Send no more."""
        for sending in self._kept.values():
            sending.cancel()

    async def _with_file(self, file: Mapping[str, Any], data: memoryview) -> Said:
        began = time.monotonic()
        answer = await self._cluster.read_file(self._address, file, data)
        self._meter.note_answer(began, time.monotonic(), answer, data.nbytes)
        if answer.get("kept"):
            kept: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            kept.set_result(True)
            self._kept[file["key"]] = kept
        return Said(answer, data.nbytes)

    async def _keep(self, key: str, data: memoryview) -> bool:
        began = time.monotonic()
        kept = await self._cluster.keep(self._address, key, data)
        self._meter.note(began, time.monotonic(), data.nbytes)
        return kept
