"""No port opens without certificates, except at a loopback address: also where the schema has been passed by."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

pytest.importorskip("distributed")

from ocrspool.cluster.api import Pages
from ocrspool.cluster.dask import node, scheduler
from ocrspool.cluster.dask.client import DaskCluster
from ocrspool.config.sections import Cluster
from ocrspool.errors import EngineError, Exit

OPEN = "tcp://10.0.0.5:8786"


NOBODY = cast(Pages, None)
"""The agent is never asked."""


def passed_by(**settings: str) -> Cluster:
    """Return settings that no schema has looked at."""
    return Cluster().model_copy(update=settings)


@pytest.mark.parametrize("address", [OPEN, "tls://10.0.0.5:8786", "tcp://0.0.0.0:8786"])
def test_nobody_speaks_to_an_open_scheduler(tmp_path: Path, address: str) -> None:
    """Neither the bridge nor a node nor the scheduler itself: each ends before it opens or calls anything."""
    settings = passed_by(scheduler=address)
    starts = (
        lambda: DaskCluster(settings),
        lambda: asyncio.run(node.stay_joined(settings, NOBODY, tmp_path, print)),
        lambda: asyncio.run(scheduler.serve(settings, asyncio.Event(), print)),
    )
    for start in starts:
        with pytest.raises(EngineError, match="needs certificates") as raised:
            start()
        assert raised.value.exit_code == Exit.CONFIG


def test_a_node_on_loopback_listens_there_alone(tmp_path: Path) -> None:
    """Its own address may not be one that others reach."""
    settings = passed_by(scheduler="tcp://127.0.0.1:8786", address="10.0.0.7")
    with pytest.raises(EngineError, match=r"may not listen at 10\.0\.0\.7"):
        asyncio.run(node.stay_joined(settings, NOBODY, tmp_path, print))
