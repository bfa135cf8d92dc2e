"""The stages of a build or a load: reported when they begin, timed when they end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

OnStage = Callable[[str], None]
"""Is told what goes on now, in words for a person."""


@dataclass(slots=True)
class StageTimer:
    """Times the stages and tells what is going on."""

    on_stage: OnStage
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, text: str = "") -> Iterator[None]:
        """Time what happens inside under `name`; announce it as `text`, where it does not announce itself."""
        if text:
            self.on_stage(text)
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 3)
