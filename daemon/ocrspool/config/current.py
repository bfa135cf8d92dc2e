"""The configuration in effect."""

from __future__ import annotations

from dataclasses import dataclass

from ocrspool.config.schema import Config


@dataclass(slots=True)
class CurrentConfig:
    """The configuration in effect: what a reload replaces, and everyone reads anew each time."""

    config: Config
