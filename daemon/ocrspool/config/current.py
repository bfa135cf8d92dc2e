"""The configuration in effect."""

from __future__ import annotations

from dataclasses import dataclass

from ocrspool.config.schema import Config


@dataclass(slots=True)
class CurrentConfig:
    """The configuration in effect. A reload replaces it, so readers take it anew each time."""

    config: Config
