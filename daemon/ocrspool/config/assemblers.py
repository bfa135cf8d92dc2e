"""How many processes assemble documents beside the service (pipeline/assembler.py)."""

from __future__ import annotations

from ocrspool.config.schema import Config

_OF_A_GPU = 2
"""A process assembles some 100 receipts a second, and a GPU may read 150."""


def assembler_count(config: Config) -> int:
    """Return how many there are: two for each GPU, and none where only CPUs read. Then the service assembles.

    One processor keeps up with what CPUs read. More processes would only take memory there.
    """
    return _OF_A_GPU * sum(device != "cpu" for device in config.engine.devices)
