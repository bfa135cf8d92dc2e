"""A page on its way through an engine: its lines between detection and reading, and how much is left to do."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ocrspool.engine.reading import recognize
from ocrspool.engine.reading.crop import quarter_turned
from ocrspool.engine.reading.long_s import with_long_s
from ocrspool.engine.reading.narrowing import put_back
from ocrspool.pages import DEFAULT_OPTIONS, PageOptions, PageText

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ocrspool.engine.reading.orientation import Rotation
    from ocrspool.engine.reading.recognize import Reading
    from ocrspool.engine.spec import Pixels


@dataclass(slots=True)
class Variant:
    """One way to read a line: as it lies, or turned."""

    polygon: NDArray[np.float32]
    strips: list[Pixels]
    read_by: dict[str, dict[int, Reading]] = field(default_factory=dict)
    """What each reader says, in the order in which they were asked: by strip."""
    head_start: float = 0.0
    """See ReaderOrder."""

    def surest(self) -> tuple[Reading, str]:
        """Return the surest reading of the whole line, and whose it is; of several alike, that of the last reader."""
        found = {name: recognize.joined(list(zip(self.strips, self.said(name), strict=True))) for name in self.read_by}
        first = next(iter(found))
        ahead = {name: self.head_start if name != first else 0.0 for name in found}
        reader = max(reversed(found), key=lambda name: found[name].confidence + ahead[name])
        return found[reader], reader

    def said(self, reader: str) -> list[Reading]:
        """Return what a reader says of each strip, with what others know better."""
        said = self.read_by[reader]
        others = [other for name, other in self.read_by.items() if name != reader]
        return [
            with_long_s(said[index], (other[index] for other in others if index in other))
            for index in range(len(self.strips))
        ]

    def confidence(self) -> float:
        """Return that of the surest reading."""
        return self.surest()[0].confidence

    def upside_down(self) -> Variant:
        """Return the same pixels turned by 180 degrees, still to be read."""
        turned = [np.ascontiguousarray(strip[::-1, ::-1]) for strip in reversed(self.strips)]
        return Variant(quarter_turned(self.polygon, 2), turned, head_start=self.head_start)


@dataclass(slots=True)
class Line:
    """One line between finding and reading it."""

    detection_confidence: float
    variants: list[Variant]
    turned: Variant | None = None
    """Upside down; only of a line that may be."""


@dataclass(slots=True)
class PageInWork:
    """One page, its lines on it as turned upright."""

    pixels: Pixels
    on_progress: Callable[[], None]
    options: PageOptions = DEFAULT_OPTIONS
    future: Future[PageText] = field(default_factory=Future)
    rotation: Rotation = 0
    margin: int = 0
    """Pixels of paper that were put around a small picture before it was searched; the lines lie on that."""
    lines: list[Line] = field(default_factory=list)
    whole: Line | None = None
    """All ink of a small picture as one line, where it may be one; on the picture as it came."""
    seconds: dict[str, float] = field(default_factory=dict)
    _unread: int = 0
    _settled: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def settled(self) -> bool:
        """Whether it is known what became of the page, so that nothing of it need be read any more."""
        return self._settled

    @property
    def searched_size(self) -> tuple[int, int]:
        """Height and width of what was searched for lines, before it was turned."""
        height, width = self.pixels.shape[:2]
        return height + 2 * self.margin, width + 2 * self.margin

    def to_read(self, strips: list[LineStrip]) -> list[LineStrip]:
        """Begin to wait for the readings of these; return them widest first, so that the last calls are short ones."""
        self._unread = len(strips)
        return sorted(strips, key=lambda strip: -strip.pixels.shape[1])

    def read(self, strip: LineStrip, reading: Reading, seconds: float) -> bool:
        """Note what a strip says and how long that took; tell whether it was the last one. Any thread may call it."""
        reading = put_back(reading, strip.pixels.shape[1], strip.variant.strips[strip.number])
        with self._lock:
            strip.variant.read_by.setdefault(strip.reader, {})[strip.number] = reading
            self.seconds["recognize"] += seconds
            self._unread -= 1
            return not self._unread

    def complete(self, outcome: PageText | Exception) -> None:
        """Say what became of the page; the first word stands. Any thread may call it."""
        with self._lock:
            settled, self._settled = self._settled, True
        if settled:
            return
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class LineStrip(NamedTuple):
    """One strip to be read, and where its reading goes."""

    page: PageInWork
    variant: Variant
    number: int
    reader: str
    """The name of the reader that is asked."""
    pixels: Pixels
    """What it is given: the strip [48, w, 3], or the same made narrower."""
