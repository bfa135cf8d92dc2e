"""A scheduler with another version of Dask is named: a real scheduler, on the loopback address."""

from __future__ import annotations

import asyncio
import socket

import pytest

pytest.importorskip("distributed")

from ocrspool.cluster import probe as module
from ocrspool.cluster.dask import scheduler
from ocrspool.cluster.dask.options import VERSION
from ocrspool.config.sections import Cluster
from ocrspool.doctor.cluster_checks import cluster
from ocrspool.doctor.findings import Finding


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def examined() -> list[Finding]:
    """Return what doctor finds while a scheduler runs."""
    settings = Cluster(scheduler=f"tcp://127.0.0.1:{free_port()}")

    async def scene() -> list[Finding]:
        stop, up = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(scheduler.serve(settings, stop, lambda _: up.set()))
        await up.wait()
        found = await asyncio.to_thread(lambda: list(cluster(settings)))
        stop.set()
        await serving
        return found

    return asyncio.run(scene())


def test_the_same_version_is_nothing_to_tell() -> None:
    """That there is no host yet is the only finding."""
    (found,) = examined()
    assert "answers, 0 hosts" in found.found


def test_doctor_names_both_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a problem, with what to do."""
    monkeypatch.setattr(module, "VERSION", "2025.1.0")
    _, found = examined()
    assert (found.level, found.name) == ("problem", "scheduler")
    assert f"distributed is {VERSION}, here 2025.1.0" in found.found
    assert "install the same version" in found.advice
