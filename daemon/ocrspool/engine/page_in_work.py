"""A page on its way through an engine: its lines between being found and being read, and how much is left to do."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ocrspool.engine import recognize
from ocrspool.model import PageText

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from ocrspool.engine.net import Pixels
    from ocrspool.engine.orientation import Rotation
    from ocrspool.engine.recognize import Reading


@dataclass(slots=True)
class Variant:
    """One way to read a line: as it lies, or turned."""

    polygon: NDArray[np.float32]
    strips: list[Pixels]
    readings: dict[int, Reading] = field(default_factory=dict)
    """By strip."""

    def reading(self) -> Reading:
        """Return what the whole line says."""
        return recognize.joined([(strip, self.readings[index]) for index, strip in enumerate(self.strips)])


@dataclass(slots=True)
class Line:
    """One line between finding and reading it."""

    detection_confidence: float
    variants: list[Variant]


@dataclass(slots=True)
class PageInWork:
    """One page, its lines on it as turned upright."""

    height: int
    width: int
    on_progress: Callable[[], None]
    future: Future[PageText] = field(default_factory=Future)
    rotation: Rotation = 0
    lines: list[Line] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    _unread: int = 0
    _settled: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def settled(self) -> bool:
        """Whether it is known what became of the page, so that nothing of it need be read any more."""
        return self._settled

    def pieces(self) -> list[Piece]:
        """Return every strip to be read, widest first, so that the last calls of all are short ones."""
        pieces = [
            Piece(self, variant, index)
            for line in self.lines
            for variant in line.variants
            for index in range(len(variant.strips))
        ]
        self._unread = len(pieces)
        return sorted(pieces, key=lambda piece: -piece.pixels.shape[1])

    def read(self, variant: Variant, number: int, reading: Reading, seconds: float) -> bool:
        """Note what a strip says and how long that took; tell whether it was the last one. Any thread may call it."""
        with self._lock:
            variant.readings[number] = reading
            self.seconds["recognize"] += seconds
            self._unread -= 1
            return not self._unread

    def settle(self, outcome: PageText | Exception) -> None:
        """Say what became of the page; the first word stands. Any thread may call it."""
        with self._lock:
            settled, self._settled = self._settled, True
        if settled:
            return
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class Piece(NamedTuple):
    """One strip to be read, and where its reading goes."""

    page: PageInWork
    variant: Variant
    number: int

    @property
    def pixels(self) -> Pixels:
        """The strip."""
        return self.variant.strips[self.number]
