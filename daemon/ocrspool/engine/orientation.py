"""Which way up a page is, decided for the page as a whole from its lines.

The classifier alone is no judge: it takes some upright lines for upside-down ones. So it only raises a suspicion,
from many lines together, and a suspicion counts once the recognizer reads a sample clearly better that way. An upright
page therefore costs a few classifier calls and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from ocrspool.engine.crop import crop, is_vertical, quarter_turned
from ocrspool.engine.models import LINE_HEIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ocrspool.engine.net import Net, Pixels
    from ocrspool.engine.recognize import Reading

Rotation = Literal[0, 90, 180, 270]
"""Degrees clockwise by which a page has to be turned to be read."""

_TURNS: dict[Rotation, int] = {0: 0, 90: 3, 180: 2, 270: 1}  # what makes a line of such a page upright, see crop
_CLASSIFIED = 12  # lines shown to the classifier
_READ = 6  # lines read in each direction that is possible
_MARGIN = 0.1  # confidence by which another direction has to beat upright
_LEGIBLE = 0.75  # confidence that sideways text reaches when read rightly; vertical columns read as lines do not


def page_rotation(
    page: Pixels,
    polygons: Sequence[NDArray[np.float32]],
    classifier: Net,
    read: Callable[[list[Pixels]], list[Reading]],
) -> Rotation:
    """Return by how much a page has to be turned; `read` reads line pixels."""
    down = [polygon for polygon in polygons if is_vertical(polygon)]
    across = [polygon for polygon in polygons if not is_vertical(polygon)]
    if _length(down) > _length(across):
        candidates: tuple[Rotation, ...] = (270, 90)
        sample = _longest(down, _READ)
    else:
        sample = _longest(across, _CLASSIFIED)
        if not sample or not upside_down(classifier, [crop(page, polygon) for polygon in sample]):
            return 0
        candidates = (0, 180)
        sample = sample[:_READ]
    confidences = {
        turn: _confidence(read([crop(page, quarter_turned(polygon, _TURNS[turn])) for polygon in sample]))
        for turn in candidates
    }
    best = max(candidates, key=lambda turn: confidences[turn])
    if best == 0 or confidences[best] < max(confidences.get(0, 0.0) + _MARGIN, 0.0 if 0 in confidences else _LEGIBLE):
        return 0
    return best


def upside_down(classifier: Net, lines: Sequence[Pixels]) -> bool:
    """Return whether the classifier, on average, takes these lines for upside-down ones."""
    _, _, width, _ = classifier.profile.optimum
    strips = [_strip(line, width) for line in lines]
    likelihood = []
    for start in range(0, len(strips), classifier.batch):
        chunk = strips[start : start + classifier.batch]
        filled = chunk + [chunk[-1]] * (classifier.batch - len(chunk))
        likelihood.extend(classifier(np.stack(filled))[0][: len(chunk), 1].tolist())
    return float(np.mean(likelihood)) > 0.5  # noqa: PLR2004


def turned_page(page: Pixels, rotation: Rotation) -> Pixels:
    """Return the page turned clockwise by `rotation`."""
    return np.ascontiguousarray(np.rot90(page, -rotation // 90))


def turned_back(polygon: NDArray[np.float32], rotation: Rotation, height: int, width: int) -> NDArray[np.float32]:
    """Map a polygon of the turned page to the page itself, whose size is given; the first corner stays the first."""
    x, y = polygon[:, 0], polygon[:, 1]
    if rotation == 90:  # noqa: PLR2004
        x, y = y, height - x
    elif rotation == 180:  # noqa: PLR2004
        x, y = width - x, height - y
    elif rotation == 270:  # noqa: PLR2004
        x, y = width - y, x
    return np.stack([x, y], axis=1)


def _length(polygons: Sequence[NDArray[np.float32]]) -> float:
    return float(sum(_extent(polygon) for polygon in polygons))


def _longest(polygons: Sequence[NDArray[np.float32]], count: int) -> list[NDArray[np.float32]]:
    return sorted(polygons, key=_extent, reverse=True)[:count]


def _extent(polygon: NDArray[np.float32]) -> float:
    return float(np.ptp(polygon, axis=0).max())


def _confidence(readings: Sequence[Reading]) -> float:
    return float(np.mean([reading.confidence for reading in readings])) if readings else 0.0


def _strip(pixels: Pixels, width: int) -> Pixels:
    """Return [48, width, 3] for the classifier: natural aspect, cut at the end if longer, padded if shorter."""
    height, natural = pixels.shape[:2]
    kept = max(min(natural, round(height * width / LINE_HEIGHT)), 1)
    scaled_width = max(min(round(kept * LINE_HEIGHT / height), width), 1)
    small = cv2.resize(pixels[:, :kept], (scaled_width, LINE_HEIGHT), interpolation=cv2.INTER_AREA)
    if small.ndim == 2:  # noqa: PLR2004
        small = cv2.cvtColor(small, cv2.COLOR_GRAY2BGR)
    return np.pad(small, ((0, 0), (0, width - scaled_width), (0, 0)), constant_values=127)  # type: ignore[return-value]
