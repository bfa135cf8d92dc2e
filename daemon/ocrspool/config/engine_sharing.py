"""Which workers share an engine (recognition/shared_engine.py)."""

from __future__ import annotations

from ocrspool.config.schema import Config


def shares_engine(config: Config, device: str) -> bool:
    """Tell whether the workers of a device share one: if it is a GPU, and there are several."""
    return config.engine.shared and device != "cpu" and config.service.workers > 1
