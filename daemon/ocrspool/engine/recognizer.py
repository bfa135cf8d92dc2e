"""The engine of one worker: three nets and the steps around them, over a batch of pages.

Pages are searched side by side, then the lines of all pages are read in batches of one width; a pool with as many
threads as a net runs calls keeps every core in a net while Python prepares the next call.
"""

from __future__ import annotations

import time
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np

from ocrspool.engine import recognize
from ocrspool.engine.crop import crop, is_vertical, quarter_turned
from ocrspool.engine.detect import Detected, DetectSettings, detect
from ocrspool.engine.order import reading_order
from ocrspool.engine.orientation import Rotation, page_rotation, turned_back, turned_page
from ocrspool.model import PageText, Polygon, TextLine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from numpy.typing import NDArray

    from ocrspool.engine.net import Net, Pixels
    from ocrspool.engine.recognize import Reading

Orientation = Literal["auto", "off"]


@dataclass(frozen=True, slots=True)
class Nets:
    """The compiled models of one engine."""

    detection: Net
    recognition: Net
    classifier: Net


@dataclass(frozen=True, slots=True)
class RecognizeSettings:
    """What a profile may change about recognition."""

    detect: DetectSettings = field(default_factory=DetectSettings)
    least_confidence: float = 0.5
    """Lines read with less are dropped: below it they are pictures, stamps and specks taken for text."""


@dataclass(slots=True)
class _Found:
    """One page between finding its lines and reading them."""

    page: Pixels
    """Turned upright."""
    rotation: Rotation
    lines: list[Detected]
    strips: list[list[Pixels]]
    """Per line what is to be read: one strip, or one per direction where that is unclear."""
    seconds: dict[str, float]
    readings: dict[tuple[int, int], Reading] = field(default_factory=dict)
    """By line and strip."""


class Recognizer:
    """Reads pages; one thread at a time may call `recognize`."""

    def __init__(self, nets: Nets, characters: Sequence[str], settings: RecognizeSettings | None = None) -> None:
        self._nets = nets
        self._characters = characters
        self._settings = settings or RecognizeSettings()
        self._pool = ThreadPoolExecutor(nets.recognition.parallel, thread_name_prefix="recognize")
        cv2.setNumThreads(1)  # the pool is what spreads work over cores; OpenCV's own threads would fight it

    def __enter__(self) -> Recognizer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)

    def recognize(self, pages: Sequence[Pixels], orientation: Sequence[Orientation]) -> list[PageText]:
        """Return the text of each page; `orientation` says per page whether it may be turned."""
        searches = [self._pool.submit(self._find, page, mode) for page, mode in zip(pages, orientation, strict=True)]
        found = [search.result() for search in searches]
        self._read_all(found)
        return [self._page_text(one) for one in found]

    def _find(self, page: Pixels, orientation: Orientation) -> _Found:
        """Find the lines of one page, turning it upright first where it is not."""
        started = time.perf_counter()
        lines = detect(self._nets.detection, page, self._settings.detect)
        detected = time.perf_counter()
        rotation: Rotation = 0
        if orientation == "auto" and lines:
            rotation = page_rotation(page, [line.polygon for line in lines], self._nets.classifier, self._read_sample)
            if rotation:
                page = turned_page(page, rotation)
                lines = detect(self._nets.detection, page, self._settings.detect)
        oriented = time.perf_counter()
        strips = [self._strips(page, line.polygon) for line in lines]
        seconds = {
            "detect": detected - started,
            "orient": oriented - detected,
            "recognize": time.perf_counter() - oriented,
        }
        return _Found(page, rotation, lines, strips, seconds)

    def _strips(self, page: Pixels, polygon: NDArray[np.float32]) -> list[Pixels]:
        """Return what has to be read for one line: vertical ones are tried running down and running up."""
        turns = (1, 3) if is_vertical(polygon) else (0,)
        return [self._strip(crop(page, quarter_turned(polygon, turn))) for turn in turns]

    def _strip(self, pixels: Pixels) -> Pixels:
        return recognize.strip(pixels, self._nets.recognition.profile.maximum[2])

    def _read_sample(self, lines: list[Pixels]) -> list[Reading]:
        """Read a few lines in the calling thread."""
        net = self._nets.recognition
        return [recognize.read(net, [self._strip(line)], self._characters)[0] for line in lines]

    def _read_all(self, found: list[_Found]) -> None:
        """Read the lines of all pages, widest first so that the last calls are short ones."""
        net = self._nets.recognition
        groups: defaultdict[int, list[tuple[_Found, int, int]]] = defaultdict(list)
        for one in found:
            for line, strips in enumerate(one.strips):
                for variant, pixels in enumerate(strips):
                    groups[recognize.bucket(pixels.shape[1], net)].append((one, line, variant))
        work: list[tuple[list[tuple[_Found, int, int]], Future[Any]]] = []
        for width in sorted(groups, reverse=True):
            group = groups[width]
            for start in range(0, len(group), net.batch):
                batch = group[start : start + net.batch]
                work.append((batch, self._pool.submit(self._read_batch, batch)))
        for batch, future in work:
            readings, seconds = future.result()
            for (one, line, variant), reading in zip(batch, readings, strict=True):
                one.readings[line, variant] = reading
                one.seconds["recognize"] += seconds / len(batch)

    def _read_batch(self, batch: list[tuple[_Found, int, int]]) -> tuple[list[Reading], float]:
        started = time.perf_counter()
        strips = [one.strips[line][variant] for one, line, variant in batch]
        readings = recognize.read(self._nets.recognition, strips, self._characters)
        return readings, time.perf_counter() - started

    def _page_text(self, found: _Found) -> PageText:
        """Choose, order and place the lines of one page."""
        height, width = found.page.shape[:2]
        if found.rotation in (90, 270):
            height, width = width, height
        lines = []
        upright = []
        for index, line in enumerate(found.lines):
            variants = [found.readings[index, variant] for variant in range(len(found.strips[index]))]
            best = max(range(len(variants)), key=lambda variant: variants[variant].confidence)
            reading = variants[best]
            if not reading.text.strip() or reading.confidence < self._settings.least_confidence:
                continue
            polygon = quarter_turned(line.polygon, (1, 3)[best]) if len(variants) > 1 else line.polygon
            upright.append(_points(line.polygon))
            lines.append(
                TextLine(
                    reading.text,
                    reading.confidence,
                    _points(turned_back(polygon, found.rotation, height, width)),
                    line.confidence,
                )
            )
        return PageText(tuple(lines[index] for index in reading_order(upright)), found.rotation, found.seconds)


def _points(polygon: NDArray[np.float32]) -> Polygon:
    (a, b), (c, d), (e, f), (g, h) = polygon.tolist()
    return (a, b), (c, d), (e, f), (g, h)
