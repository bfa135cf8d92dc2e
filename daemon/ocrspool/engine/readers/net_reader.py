"""A recognition net as a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocrspool.engine.reading import recognize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocrspool.engine.reading.recognize import Reading, ReadSettings
    from ocrspool.engine.spec import Net, Pixels


class NetReader:
    """A net and its characters."""

    own_threads = False

    def __init__(self, net: Net, characters: Sequence[str], settings: ReadSettings) -> None:
        self._net = net
        self._characters = characters
        self._settings = settings

    @property
    def parallel(self) -> int:
        """How many calls really run side by side."""
        return self._net.parallel

    def width(self, pixels: int) -> int:
        """Return the width at which a strip of so many pixels is given to the net."""
        return recognize.bucket(pixels, self._net, self._settings)

    def batch_at(self, width: int) -> int:
        """Return how many strips of this width a call may have."""
        return recognize.batch_at(width, self._net, self._settings)

    def read(self, strips: Sequence[Pixels]) -> list[Reading]:
        """Return the reading of each strip [48, w, 3]; all have the same `width`."""
        return recognize.read(self._net, strips, self._characters, self._settings)

    def close(self) -> None:
        """Nothing is to be ended."""
