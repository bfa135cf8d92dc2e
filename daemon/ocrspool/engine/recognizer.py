"""The engine of one worker: three nets and the steps around them, over a batch of pages.

Pages are searched side by side, then the lines of all pages are read in batches of one width; a pool with as many
threads as a net runs calls keeps every core in a net while Python prepares the next call.
"""

from __future__ import annotations

import time
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

import cv2

from ocrspool.engine import recognize
from ocrspool.engine.crop import crop, is_vertical, quarter_turned
from ocrspool.engine.detect import DetectSettings, detect
from ocrspool.engine.halving import HalvingNet
from ocrspool.engine.order import reading_order
from ocrspool.engine.orientation import Rotation, page_rotation, turned_back, turned_page
from ocrspool.engine.recognize import ReadSettings
from ocrspool.model import PageText, Polygon, TextLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

    from ocrspool.engine.net import Net, Pixels
    from ocrspool.engine.recognize import Reading

Orientation = Literal["auto", "off"]

_COLUMN = 3.0  # height / width from which a vertical line cannot be a single upright character


@dataclass(frozen=True, slots=True)
class Nets:
    """The compiled models of one engine."""

    detection: Net
    recognition: Net
    classifier: Net


@dataclass(frozen=True, slots=True)
class RecognizeSettings:
    """What may be changed about recognition."""

    detect: DetectSettings = field(default_factory=DetectSettings)
    read: ReadSettings = field(default_factory=ReadSettings)
    threads: int = 0
    """Pages and batches worked on side by side; 0 = as many as the recognition net runs. More where the net is on a
    GPU: cropping and scaling lines is work for processors all the same."""
    least_confidence: float = 0.5
    """Lines read with less are dropped, as RapidOCR does: most are pictures, stamps and specks taken for text."""


@dataclass(slots=True)
class _Variant:
    """One way to read a line: as it lies, or turned."""

    polygon: NDArray[np.float32]
    strips: list[Pixels]
    readings: dict[int, Reading] = field(default_factory=dict)
    """By strip."""

    def reading(self) -> Reading:
        """Return what the whole line says."""
        return recognize.joined([(strip, self.readings[index]) for index, strip in enumerate(self.strips)])


@dataclass(slots=True)
class _Line:
    """One line between finding and reading it."""

    detection_confidence: float
    variants: list[_Variant]


@dataclass(slots=True)
class _Found:
    """One page between finding its lines and reading them."""

    height: int
    width: int
    rotation: Rotation
    lines: list[_Line]
    """On the page turned upright."""
    seconds: dict[str, float]


class _Piece(NamedTuple):
    """One strip to be read, and where its reading goes."""

    page: _Found
    variant: _Variant
    number: int

    @property
    def pixels(self) -> Pixels:
        """The strip."""
        return self.variant.strips[self.number]


class Recognizer:
    """Reads pages; one thread at a time may call `recognize`."""

    def __init__(self, nets: Nets, characters: Sequence[str], settings: RecognizeSettings | None = None) -> None:
        self._nets = Nets(*map(HalvingNet, (nets.detection, nets.recognition, nets.classifier)))
        self._characters = characters
        self._settings = settings or RecognizeSettings()
        threads = self._settings.threads or nets.recognition.parallel
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="recognize")
        cv2.setNumThreads(1)  # the pool is what spreads work over cores; OpenCV's own threads would fight it

    def __enter__(self) -> Recognizer:  # noqa: PYI034  # Self is not in Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)

    def recognize(
        self,
        pages: Sequence[Pixels],
        orientation: Sequence[Orientation],
        on_progress: Callable[[], None] = lambda: None,
    ) -> list[PageText]:
        """Return the text of each page; `orientation` says per page whether it may be turned.

        `on_progress` is called, in this thread, for each page that was searched and for each batch of lines.
        """
        searches = [self._pool.submit(self._find, page, mode) for page, mode in zip(pages, orientation, strict=True)]
        found: list[_Found] = []
        reads = [self._pool.submit(self._read, batch) for batch in self._batches(searches, found, on_progress)]
        for read in reads:
            done = read.result()
            on_progress()
            for piece, reading, seconds in done:
                piece.variant.readings[piece.number] = reading
                piece.page.seconds["recognize"] += seconds
        return [self._page_text(page) for page in found]

    def _find(self, page: Pixels, orientation: Orientation) -> _Found:
        """Find the lines of one page, turning it upright first where it is not."""
        height, width = page.shape[:2]
        started = time.perf_counter()
        lines = detect(self._nets.detection, page, self._settings.detect)
        detected = time.perf_counter()
        rotation: Rotation = 0
        if orientation == "auto" and lines:
            polygons = [line.polygon for line in lines]
            rotation = page_rotation(page, polygons, self._nets.classifier, self._read_sample)
        if rotation:
            page = turned_page(page, rotation)
            lines = detect(self._nets.detection, page, self._settings.detect)
        oriented = time.perf_counter()
        cut = [_Line(line.confidence, self._variants(page, line.polygon)) for line in lines]
        seconds = {
            "detect": detected - started,
            "orient": oriented - detected,
            "recognize": time.perf_counter() - oriented,
        }
        return _Found(height, width, rotation, cut, seconds)

    def _variants(self, page: Pixels, polygon: NDArray[np.float32]) -> list[_Variant]:
        """Return the ways to read one line: vertical ones are tried running down and running up.

        Short ones as they are, too: many are a single digit on a receipt, higher than it is wide.
        """
        turns = (0,) if not is_vertical(polygon) else (1, 3) if is_vertical(polygon, _COLUMN) else (0, 1, 3)
        turned = [quarter_turned(polygon, count) for count in turns]
        net = self._nets.recognition
        return [_Variant(one, recognize.strips(crop(page, one), net, self._settings.read)) for one in turned]

    def _read_sample(self, lines: list[Pixels]) -> list[Reading]:
        """Read a few lines in the calling thread; of a line that is cut, only the beginning."""
        net, settings = self._nets.recognition, self._settings.read
        strips = [recognize.strips(line, net, settings)[:1] for line in lines]
        return [recognize.read(net, strip, self._characters, settings)[0] for strip in strips]

    def _batches(
        self, searches: Sequence[Future[_Found]], found: list[_Found], on_progress: Callable[[], None]
    ) -> Iterator[list[_Piece]]:
        """Yield what to read, in batches of one bucket as soon as they are full; append each page to `found`."""
        net = self._nets.recognition
        waiting: defaultdict[int, list[_Piece]] = defaultdict(list)
        for search in searches:
            page = search.result()
            on_progress()
            found.append(page)
            for piece in _pieces(page):
                width = recognize.bucket(piece.pixels.shape[1], net, self._settings.read)
                waiting[width].append(piece)
                if len(waiting[width]) == net.batch:
                    yield waiting.pop(width)
        yield from waiting.values()

    def _read(self, batch: list[_Piece]) -> list[tuple[_Piece, Reading, float]]:
        """Read one batch; the time it took is split evenly over its lines."""
        started = time.perf_counter()
        strips = [piece.pixels for piece in batch]
        readings = recognize.read(self._nets.recognition, strips, self._characters, self._settings.read)
        seconds = (time.perf_counter() - started) / len(batch)
        return [(piece, reading, seconds) for piece, reading in zip(batch, readings, strict=True)]

    def _page_text(self, page: _Found) -> PageText:
        """Choose, place and order the lines of one page."""
        lines: list[TextLine] = []
        upright: list[Polygon] = []
        for line in page.lines:
            choices = [(variant.reading(), variant) for variant in line.variants]
            reading, variant = max(choices, key=lambda choice: choice[0].confidence)
            if not reading.text.strip() or reading.confidence < self._settings.least_confidence:
                continue
            polygon = turned_back(variant.polygon, page.rotation, page.height, page.width)
            lines.append(TextLine(reading.text, reading.confidence, _points(polygon), line.detection_confidence))
            upright.append(_points(variant.polygon))
        order = reading_order(upright)
        return PageText(tuple(lines[index] for index in order), page.rotation, page.seconds)


def _pieces(page: _Found) -> list[_Piece]:
    """Return every strip of a page, widest first, so that the last calls of all are short ones."""
    pieces = [
        _Piece(page, variant, index)
        for line in page.lines
        for variant in line.variants
        for index in range(len(variant.strips))
    ]
    return sorted(pieces, key=lambda piece: -piece.pixels.shape[1])


def _points(polygon: NDArray[np.float32]) -> Polygon:
    (a, b), (c, d), (e, f), (g, h) = polygon.tolist()
    return (a, b), (c, d), (e, f), (g, h)
