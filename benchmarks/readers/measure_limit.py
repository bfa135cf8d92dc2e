"""(no benchmark.) The limit: nothing but the nets, on what our own steps find in these files, all prepared before.

Each page is looked at once and each line read once, at its natural width or padded as suits the nets best; decoding,
scaling, boxes, cutting and text are left out. A call per core at a time, detection first, widest lines next.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocrspool.engine import identity
from ocrspool.engine.detection.detect import DetectSettings, detect, map_size, scaled
from ocrspool.engine.models import model_set
from ocrspool.engine.reading import recognize
from ocrspool.engine.reading.crop import crop, is_vertical, quarter_turned
from ocrspool.engine.reading.recognize import ReadSettings
from ocrspool.engine.runtimes.openvino import net as openvino
from ocrspool.engine.spec import PADDING, Net
from ocrspool.engine_request import Settings
from reading import ReadAll, converse

Pixels = NDArray[Any]
Call = tuple[Net, Pixels]

BATCHINGS = {
    "natural widths, one by one": (1, 1),
    "widths in steps of 32, one by one": (1, 32),
    "4 lines of like width": (4, 32),
    "8 lines of like width": (8, 32),
}
"""Lines per call, and what widths are rounded up to."""

_TRIED = 2
"""Files with which the best of them is found."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is given to the nets for one file."""

    page: Pixels
    strips: list[Pixels]


class Limit:
    """The two nets, and what has been prepared for them."""

    def __init__(self, folder: Path) -> None:
        settings = identity.resolved("openvino", Settings())
        specs = model_set.bundled()
        for spec in (specs.detection, specs.recognition):
            (folder / spec.name).mkdir()
            openvino.build(spec, folder / spec.name, settings)
        self._detection, self._recognition = (
            openvino.load(spec, folder / spec.name, settings) for spec in (specs.detection, specs.recognition)
        )
        self._threads = ThreadPoolExecutor(self._recognition.parallel)
        self._found: dict[str, Found] = {}
        self._best: dict[tuple[str, ...], str] = {}

    def __call__(self, files: list[str]) -> Iterator[str]:
        """Run the nets on what the files hold; yields one text: in which batches that was."""
        key = tuple(files)
        if key not in self._best:
            for file in files:
                self._found[file] = self._find(file)
            self._best[key] = min(BATCHINGS, key=lambda batching: self._seconds(files[:_TRIED], batching))
            self._run(self._calls(files, self._best[key]))  # to meet the shapes
        self._run(self._calls(files, self._best[key]))
        yield self._best[key]

    def _find(self, file: str) -> Found:
        with Image.open(file) as image:
            grey = image.mode in {"1", "L"}
            page = np.asarray(image.convert("L" if grey else "RGB"))
        page = np.ascontiguousarray(page if grey else page[:, :, ::-1])
        strips = []
        for line in detect(self._detection, page, DetectSettings()):
            polygon = quarter_turned(line.polygon, 1) if is_vertical(line.polygon) else line.polygon
            strips += recognize.strips(crop(page, polygon), self._recognition, ReadSettings())
        height, width = page.shape[:2]
        return Found(scaled(page, map_size(height, width, DetectSettings())), strips)

    def _calls(self, files: list[str], batching: str) -> list[Call]:
        size, step = BATCHINGS[batching]
        calls: list[Call] = [(self._detection, self._found[file].page[None]) for file in files]
        strips = [strip for file in files for strip in self._found[file].strips]
        strips.sort(key=lambda strip: -strip.shape[1])
        for start in range(0, len(strips), size):
            batch = strips[start : start + size]
            widest = max(-(-batch[0].shape[1] // step) * step, 32)
            filled = np.full((len(batch), batch[0].shape[0], widest, 3), PADDING, np.uint8)
            for index, strip in enumerate(batch):
                filled[index, :, : strip.shape[1]] = strip
            calls.append((self._recognition, filled))
        return calls

    def _seconds(self, files: list[str], batching: str) -> float:
        """Return how long a run takes, after one that meets the shapes."""
        calls = self._calls(files, batching)
        self._run(calls)
        return self._run(calls)

    def _run(self, calls: list[Call]) -> float:
        began = time.perf_counter()
        list(self._threads.map(lambda call: call[0](call[1]), calls))
        return time.perf_counter() - began


def _load() -> ReadAll:
    folder = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"), prefix="ocrspool-limit-")
    return Limit(Path(folder))


if __name__ == "__main__":
    converse(_load)
