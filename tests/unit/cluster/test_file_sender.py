"""How often a long file travels to one host: a cluster without a network, which notes what it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ocrspool.cluster.api import Cluster, ClusterError
from ocrspool.cluster.bridge.file_sender import FileSender
from ocrspool.cluster.bridge.link_meter import LinkMeter

DATA = memoryview(b"a document")


class Host:
    """Keeps files, if it has room."""

    def __init__(self, *, room: bool = True) -> None:
        self.room = room
        self.kept: set[str] = set()
        self.sent: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def read_file(self, _address: str, file: Mapping[str, Any], data: memoryview) -> Mapping[str, Any]:
        if not data.nbytes and file["key"] not in self.kept:
            return {"unknown": True}
        self.sent += [data.nbytes] if data.nbytes else []
        if self.room and file["first"] == 0:
            self.kept.add(file["key"])
        return {"answer": file["first"], "seconds": 0.0, "kept": self.room}

    async def keep(self, _address: str, key: str, data: memoryview) -> bool:
        self.sent.append(data.nbytes)
        await self.gate.wait()
        if self.room:
            self.kept.add(key)
        return self.room


def sender(host: object) -> FileSender:
    cluster: Cluster = host  # type: ignore[assignment]
    return FileSender(cluster, "tcp://a:1", LinkMeter())


async def parts(each: FileSender, *firsts: int) -> list[tuple[int, int]]:
    """Ask for parts at the same time. Return what was answered for each, and what was sent for it."""
    found = await asyncio.gather(*(each.read({"key": "k", "first": first}, DATA) for first in firsts))
    return [(said.answer["answer"], said.sent) for said in found]


def test_a_file_travels_once_to_the_host_that_has_opened_it() -> None:
    """With the first part."""

    async def scenario() -> None:
        host = Host()
        each = sender(host)
        assert await parts(each, 0) == [(0, 10)]
        assert await parts(each, 16, 32) == [(16, 0), (32, 0)]
        assert host.sent == [10]

    asyncio.run(scenario())


def test_a_file_travels_once_to_another_host() -> None:
    """Two parts that come together wait for the same bytes."""

    async def scenario() -> None:
        host = Host()
        each = sender(host)
        host.gate.clear()
        asking = asyncio.create_task(parts(each, 16, 32))
        while not host.sent:  # noqa: ASYNC110 - a turn of the loop is all that is waited for
            await asyncio.sleep(0)
        host.gate.set()
        assert await asking == [(16, 10), (32, 0)]
        assert host.sent == [10]

    asyncio.run(scenario())


def test_a_file_travels_again_where_the_host_had_to_make_room() -> None:
    """And each time, if the host can keep nothing."""

    async def scenario() -> None:
        host = Host()
        each = sender(host)
        await parts(each, 0)
        host.kept.clear()
        assert await parts(each, 16) == [(16, 10)]
        full = Host(room=False)
        each = sender(full)
        await parts(each, 0)
        assert await parts(each, 16) == [(16, 20)]
        assert await parts(each, 32) == [(32, 10)]

    asyncio.run(scenario())


def test_what_is_forgotten_travels_again() -> None:
    """The service is done with it."""

    async def scenario() -> None:
        host = Host()
        each = sender(host)
        await parts(each, 0)
        assert (each.forgotten("k"), each.forgotten("k")) == (True, False)
        assert await parts(each, 16) == [(16, 10)]

    asyncio.run(scenario())


def test_a_host_that_is_lost_while_a_file_travels_answers_for_no_part() -> None:
    """All that wait for it learn so."""

    class Lost(Host):
        async def keep(self, _address: str, _key: str, _data: memoryview) -> bool:
            raise ClusterError("it has gone")

    async def scenario() -> None:
        each = sender(Lost())
        asked = [each.read({"key": "k", "first": first}, DATA) for first in (16, 32)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(error) for error in found] == [ClusterError, ClusterError]

    asyncio.run(scenario())
