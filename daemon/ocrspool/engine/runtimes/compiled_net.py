"""What a net says of itself (see Net), stated once when it is loaded. A subclass runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocrspool.engine.spec import NetSpec, Shape
    from ocrspool.engine_request import Settings


class CompiledNet:
    """Facts of one compiled model."""

    def __init__(self, spec: NetSpec, settings: Settings, parallel: int) -> None:
        """Keep the facts. `parallel` is the number of calls that run side by side."""
        self.name = spec.name
        self.profile = spec.profile
        self.parallel = parallel
        self.batch = 1 if spec.role == "detection" else settings.batch_lines
        """Lines as the settings say; pages go one at a time."""

    @property
    def ends(self) -> tuple[Shape, Shape]:
        """The smallest and the largest shape that it accepts."""
        return self.profile.minimum, self.profile.maximum
