"""The interface between recognition and a reader: strips of lines in, readings out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocrspool.engine.reading.recognize import Reading
    from ocrspool.engine.spec import Pixels


class LineReader(Protocol):
    """One reader that is loaded; safe to call from `parallel` threads at once (more of them wait)."""

    @property
    def parallel(self) -> int:
        """How many calls really run side by side."""

    @property
    def own_threads(self) -> bool:
        """Whether its calls need threads of their own, because they take long and would keep nets waiting."""

    def width(self, pixels: int) -> int:
        """Return the width at which a strip of so many pixels is read. The strips of one call share it."""

    def batch_at(self, width: int) -> int:
        """Return how many strips of this width a call may have; fewer are allowed."""

    def read(self, strips: Sequence[Pixels]) -> list[Reading]:
        """Return the reading of each strip [48, w, 3]. It depends on that strip alone.

        Raise DeviceMemoryError where fewer strips may fit, DeviceLostError where this process is of no more use,
        EngineError otherwise.
        """

    def close(self) -> None:
        """End what it has started. Nobody reads any more."""
