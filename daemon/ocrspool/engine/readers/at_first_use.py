"""A reader whose net is loaded when the first line is read by it: for nets that few pages need."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocrspool.engine.readers.reader import LineReader
    from ocrspool.engine.reading.recognize import Reading
    from ocrspool.engine.spec import Pixels


class AtFirstUse:
    """Stands for a reader until it is needed. It is of the same kind as `like`: as many lines, in the same widths."""

    own_threads = False

    def __init__(self, load: Callable[[], LineReader], like: LineReader) -> None:
        """Let `load` return the reader, or raise what every read then raises."""
        self._load = load
        self._like = like
        self._lock = threading.Lock()
        self._reader: LineReader | None = None

    @property
    def parallel(self) -> int:
        """How many calls really run side by side."""
        return self._like.parallel

    def width(self, pixels: int) -> int:
        """Return the width at which a strip of so many pixels is read."""
        return self._like.width(pixels)

    def batch_at(self, width: int) -> int:
        """Return how many strips of this width a call may have."""
        return self._like.batch_at(width)

    def read(self, strips: Sequence[Pixels]) -> list[Reading]:
        """Return the reading of each strip; the first call waits until the net is loaded."""
        with self._lock:
            if self._reader is None:
                self._reader = self._load()
        return self._reader.read(strips)

    def close(self) -> None:
        """End what was loaded."""
        with self._lock:
            if self._reader is not None:
                self._reader.close()
