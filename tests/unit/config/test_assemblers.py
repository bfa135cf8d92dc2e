"""How many processes assemble documents beside the service."""

from __future__ import annotations

import pytest

from ocrspool.config.assemblers import assembler_count
from ocrspool.config.schema import Config
from ocrspool.config.sections import Cluster, Engine


@pytest.mark.parametrize(
    ("devices", "scheduler", "count"),
    [
        (("cpu",), "", 0),
        (("gpu:0",), "", 2),
        (("gpu:0", "cpu", "gpu:1"), "", 4),
        ((), "tcp://127.0.0.1:8786", 2),
        (("gpu:0",), "tcp://127.0.0.1:8786", 4),
    ],
)
def test_each_gpu_and_a_cluster_get_two(devices: tuple[str, ...], scheduler: str, count: int) -> None:
    """CPUs of one machine read no more than the service itself assembles."""
    config = Config(engine=Engine(devices=devices), cluster=Cluster(scheduler=scheduler))
    assert assembler_count(config) == count
