"""How many processes assemble documents beside the service (pipeline/assembler.py)."""

from __future__ import annotations

from ocrspool.config.schema import Config

_OF_A_GPU = 2
"""A process assembles some 100 receipts a second, and a GPU may read 150."""
_OF_A_CLUSTER = 2
"""Two hosts with a GPU each read 85 receipts/s while the service assembled: it had no processor time left."""


def assembler_count(config: Config) -> int:
    """Return how many there are: two for each GPU, and two for a cluster. Without both there is none.

    One processor keeps up with what the CPUs of one machine read, so the service assembles that. More processes would
    only take memory there.
    """
    here = _OF_A_GPU * sum(device != "cpu" for device in config.engine.devices)
    return here + (_OF_A_CLUSTER if config.cluster.scheduler else 0)
