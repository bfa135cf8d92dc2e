"""What is done with a page before its lines are read: they are found, the page is turned upright, lines are cut out."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from ocrspool.engine.detection.single_row import one_row, padded
from ocrspool.engine.detection.spaced_letters import letters_joined
from ocrspool.engine.detection.tiles import find_lines
from ocrspool.engine.ocr.page_state import Line, Variant
from ocrspool.engine.reading import recognize
from ocrspool.engine.reading.crop import Cuts, crop, is_vertical, quarter_turned
from ocrspool.engine.reading.orientation import page_rotation, turned_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from ocrspool.engine.detection.detect import Finder
    from ocrspool.engine.ocr.page_state import PageInWork
    from ocrspool.engine.readers.reader import LineReader
    from ocrspool.engine.reading.recognize import Reading, ReadSettings
    from ocrspool.engine.spec import Net, Pixels
    from ocrspool.pages import ReaderOrder

_COLUMN = 3.0
"""Height / width from which a vertical line cannot be a single upright character."""


class PageSearch:
    """Searches one page at a time in each thread that calls it."""

    def __init__(
        self,
        finders: Mapping[str, Finder],
        classifier: Net,
        recognition: Net,
        readers: Mapping[str, LineReader],
        settings: ReadSettings,
    ) -> None:
        """Take the finders and readers by name. Strips are cut as `recognition` wants them."""
        self._finders = finders
        self._classifier = classifier
        self._recognition = recognition
        self._readers = readers
        self._settings = settings

    def find(self, found: PageInWork) -> None:
        """Find the lines of one page, turning it upright first where it is not."""
        started = time.perf_counter()
        if (row := one_row(found.pixels)) is not None:
            strips = recognize.strips(crop(found.pixels, row), self._recognition, self._settings)
            found.whole = Line(0.0, [Variant(row, strips, head_start=found.options.readers.head_start)])
        page, found.margin = padded(found.pixels)
        net, settings = self._finders[found.options.readers.finder]
        settings = settings.at(found.options.readers.search)
        lines = find_lines(net, page, settings, found.on_progress)
        detected = time.perf_counter()
        cuts = Cuts(page)
        if found.options.orientation == "auto" and lines:
            polygons = [line.polygon for line in lines]
            read = partial(self._read_sample, found.options.readers)
            found.rotation = page_rotation(cuts.see, polygons, self._classifier, read)
        if found.rotation:
            page = turned_page(page, found.rotation)
            cuts = Cuts(page)
            lines = find_lines(net, page, settings, found.on_progress)
        oriented = time.perf_counter()
        lines = letters_joined(page, lines)
        found.lines = [
            Line(line.confidence, self._variants(cuts, line.polygon, found.options.readers)) for line in lines
        ]
        found.seconds = {
            "detect": detected - started,
            "orient": oriented - detected,
            "recognize": time.perf_counter() - oriented,
        }

    def _variants(self, cuts: Cuts, polygon: NDArray[np.float32], order: ReaderOrder) -> list[Variant]:
        """Return the ways to read one line: vertical ones are tried running down and running up.

        Short ones as they are, too: many are a single digit on a receipt, higher than it is wide.
        """
        turns = (0,) if not is_vertical(polygon) else (1, 3) if is_vertical(polygon, _COLUMN) else (0, 1, 3)
        turned = [quarter_turned(polygon, count) for count in turns]
        net = self._recognition
        settings, ahead = self._settings, order.head_start
        return [Variant(one, recognize.strips(cuts.take(one), net, settings), head_start=ahead) for one in turned]

    def _read_sample(self, order: ReaderOrder, lines: list[Pixels]) -> list[Reading]:
        """Read a few lines in the calling thread; of a line that is cut, only the beginning."""
        net, settings = self._recognition, self._settings
        return [self._surest(order, recognize.strips(line, net, settings)[0]) for line in lines]

    def _surest(self, order: ReaderOrder, strip: Pixels) -> Reading:
        """Return the surest reading of a strip; readers are asked in turn until one is sure."""
        readings: list[Reading] = []
        for name in order.names:
            readings += self._readers[name].read([strip])
            if readings[-1].confidence >= order.sure:
                break
        return max(readings, key=lambda reading: reading.confidence)
