"""What the bridge needs of a cluster, and what a cluster needs of the agent on a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class ClusterError(Exception):
    """The other side cannot be reached, or has gone. The message says why, in words for a log."""


@dataclass(frozen=True, slots=True)
class Members:
    """Who has joined."""

    scheduler: str
    """The id of this run of the scheduler."""
    hosts: Mapping[str, str]
    """The name of each host, by its address."""


class Cluster(Protocol):
    """The hosts, as the bridge reaches them. Nothing here is ever tried twice: the service alone repeats pages."""

    async def members(self) -> Members:
        """Ask the scheduler who has joined. Raise ClusterError."""

    async def report(self, address: str) -> str:
        """Ask a host how it is (recognition/hosts/answers.py). Raise ClusterError."""

    async def read(self, address: str, page: Mapping[str, Any], pixels: memoryview) -> Mapping[str, Any]:
        """Have a host read a page. Return its answer, as `Pages.read` does. Raise ClusterError."""

    async def read_file(self, address: str, file: Mapping[str, Any], data: memoryview) -> Mapping[str, Any]:
        """Have a host decode and read a file. Return its answer, as `Pages.read_file` does. Raise ClusterError.

        `data` is empty if the host keeps the file.
        """

    async def keep(self, address: str, key: str, data: memoryview) -> bool:
        """Have a host keep a file. Return what `Pages.keep` does. Raise ClusterError."""

    async def forget(self, address: str, key: str) -> None:
        """Have a host drop a file that it keeps. Raise ClusterError."""

    async def scheduler_version(self) -> str:
        """Return the version of Dask that the scheduler has. Raise ClusterError."""

    async def echo(self, address: str, data: memoryview) -> None:
        """Send bytes to a host, which counts them. Raise ClusterError."""


class Pages(Protocol):
    """The agent on a host, as a cluster calls it. It raises nothing: what goes wrong is an answer."""

    def report(self) -> str:
        """Say how this host is."""

    async def read(self, page: Mapping[str, Any], pixels: memoryview) -> dict[str, Any]:
        """Read a page.

        Return {"answer": ..., "seconds": ...}; {"refused": reason, "report": ...} where the host takes no page now.
        """

    async def read_file(self, file: Mapping[str, Any], data: memoryview) -> dict[str, Any]:
        """Decode a file and read the pages that are wanted (recognition/hosts/file_queue.py). Return as `read` does.

        "kept" is true where the host keeps the file under its key, because it has more pages. `data` is empty where the
        host should have it; {"unknown": True} is returned where it has not.
        """

    async def keep(self, key: str, data: memoryview) -> bool:
        """Keep a file of which parts will be asked for. Return False where there is no room for it."""

    def forget(self, key: str) -> None:
        """Drop a file that is kept."""
