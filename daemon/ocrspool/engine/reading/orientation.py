"""Which way up a page is, decided for the page as a whole from its lines.

The classifier alone cannot decide: it takes some upright lines for upside-down ones. So it only raises a suspicion,
from many lines together. A suspicion counts if the recognizer then reads a sample clearly better that way. So an
upright page costs a few classifier calls and nothing else.
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from ocrspool.engine.models.model_set import LINE_HEIGHT
from ocrspool.engine.reading.crop import is_vertical, quarter_turned
from ocrspool.engine.spec import PADDING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ocrspool.engine.reading.recognize import Reading
    from ocrspool.engine.spec import Net, Pixels

    Quads = Sequence[NDArray[np.float32]]
    Read = Callable[[list[Pixels]], list[Reading]]
    Cut = Callable[[NDArray[np.float32]], Pixels]
    """Returns the pixels inside a polygon of the page; see crop."""

Rotation = Literal[0, 90, 180, 270]
"""Degrees clockwise by which a page has to be turned to be read."""

_TURNS: dict[Rotation, int] = {0: 0, 90: 3, 180: 2, 270: 1}  # what makes a line of such a page upright, see crop
_CLASSIFIED = 12  # lines shown to the classifier
_READ = 6  # lines read in each direction that is possible
_MARGIN = 0.1  # confidence by which upside down has to beat upright; read rightly, text gains 0.3 and more
_LEGIBLE = 0.8  # confidence of lines read the right way (0.95 and more) but not of others (0.7 and less), measured


def page_rotation(cut: Cut, polygons: Quads, classifier: Net, read: Read) -> Rotation:
    """Return by how much a page has to be turned. `cut` cuts lines out of it, and `read` reads their pixels."""
    down: list[NDArray[np.float32]] = []
    across: list[NDArray[np.float32]] = []
    for polygon in polygons:
        (down if is_vertical(polygon) else across).append(polygon)
    if _length(down) > _length(across):
        return _sideways(cut, _longest(down, _READ), read)
    sample = _longest(across, _CLASSIFIED)
    if not sample or not upside_down(classifier, [partial(cut, polygon) for polygon in sample]):
        return 0
    upright = _confidence(_read_turned(cut, sample[:_READ], 0, read))
    turned = _confidence(_read_turned(cut, sample[:_READ], 180, read))
    return 180 if turned > upright + _MARGIN else 0


def upside_down(classifier: Net, lines: Sequence[Callable[[], Pixels]]) -> bool:
    """Return whether the classifier, on average, takes these lines for upside-down ones.

    `lines` cut a line out each. It asks only until the lines that are left cannot change the answer.
    """
    _, height, width, _ = classifier.profile.optimum
    half, likelihood = len(lines) / 2, 0.0
    for start in range(0, len(lines), classifier.batch):
        some = [cut() for cut in lines[start : start + classifier.batch]]
        strips = [_strip(line, width) if height == LINE_HEIGHT else _stretched(line, height, width) for line in some]
        likelihood += sum(classifier(np.stack(strips))[0][:, 1].tolist())
        left = len(lines) - start - len(some)
        if likelihood > half or likelihood + left <= half:
            break
    return likelihood > half


def turned_page(page: Pixels, rotation: Rotation) -> Pixels:
    """Return the page turned clockwise by `rotation`."""
    return np.ascontiguousarray(np.rot90(page, -rotation // 90))


def turned_back(polygon: NDArray[np.float32], rotation: Rotation, height: int, width: int) -> NDArray[np.float32]:
    """Map a polygon of the turned page to the page itself, whose size is given; the first corner stays the first."""
    x, y = polygon[:, 0], polygon[:, 1]
    places = {0: (x, y), 90: (y, height - x), 180: (width - x, height - y), 270: (width - y, x)}
    return np.stack(places[rotation], axis=1)


def _sideways(cut: Cut, sample: Quads, read: Read) -> Rotation:
    """Judge a page whose lines run down or up: turned by 90 or 270, or upright with vertical columns."""
    up = _confidence(_read_turned(cut, sample, 90, read))
    readings = _read_turned(cut, sample, 270, read)
    down = _confidence(readings)
    if max(up, down) < _LEGIBLE:
        return 0
    if up > down:
        return 90
    return 0 if _glyphs_stand(cut, sample, readings, read) else 270


def _glyphs_stand(cut: Cut, sample: Quads, readings: Sequence[Reading], read: Read) -> bool:
    """Return whether the lines are vertical columns, whose glyphs stand upright under one another.

    The net reads Chinese and Japanese columns lying on their left side as well as turned lines, so its confidence
    does not tell the two apart. Columns cut into glyphs and laid side by side make a line that can be read (0.97
    measured); turned lines cut like that do not (0.66 and less).
    """
    laid = [_laid_out(cut(polygon), len(reading.text)) for polygon, reading in zip(sample, readings, strict=True)]
    return _confidence(read(laid)) >= _LEGIBLE


def _laid_out(column: Pixels, glyphs: int) -> Pixels:
    """Cut a column into `glyphs` equal pieces and lay them side by side, left to right."""
    edges = np.linspace(0, column.shape[0], max(glyphs, 1) + 1).round().astype(int)
    size = max(int(np.diff(edges).max()), 1)
    pieces = []
    for top, bottom in itertools.pairwise(edges):
        piece = column[top:bottom] if bottom > top else column[-1:]
        below = size - piece.shape[0]
        pieces.append(cv2.copyMakeBorder(piece, 0, below, 0, 0, cv2.BORDER_REPLICATE))
    return np.hstack(pieces)


def _read_turned(cut: Cut, sample: Quads, rotation: Rotation, read: Read) -> list[Reading]:
    turns = _TURNS[rotation]
    return read([cut(quarter_turned(polygon, turns)) for polygon in sample])


def _length(polygons: Quads) -> float:
    return sum(_extent(polygon) for polygon in polygons)


def _longest(polygons: Quads, count: int) -> Quads:
    return sorted(polygons, key=_extent, reverse=True)[:count]


def _extent(polygon: NDArray[np.float32]) -> float:
    xs, ys = zip(*polygon.tolist(), strict=True)
    return float(max(max(xs) - min(xs), max(ys) - min(ys)))


def _confidence(readings: Sequence[Reading]) -> float:
    return sum(reading.confidence for reading in readings) / len(readings)


def _strip(pixels: Pixels, width: int) -> Pixels:
    """Return [48, width, 3] for the classifier: natural aspect, cut at the end if longer, padded if shorter."""
    height, natural = pixels.shape[:2]
    kept = max(min(natural, round(height * width / LINE_HEIGHT)), 1)
    scaled_width = max(min(round(kept * LINE_HEIGHT / height), width), 1)
    small = cv2.resize(pixels[:, :kept], (scaled_width, LINE_HEIGHT), interpolation=cv2.INTER_AREA)
    if small.ndim == 2:  # noqa: PLR2004  # grey
        small = cv2.cvtColor(small, cv2.COLOR_GRAY2BGR)
    return cv2.copyMakeBorder(small, 0, 0, 0, width - scaled_width, cv2.BORDER_CONSTANT, value=(PADDING,) * 3)  # type: ignore[return-value]


def _stretched(pixels: Pixels, height: int, width: int) -> Pixels:
    """Return [height, width, 3], red first: the whole line at any aspect, as PP-LCNet's classifiers were trained.

    PaddleX 3.7 does the same (image_classification: ReadImage RGB, ResizeImage by size).
    """
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.cvtColor(small, cv2.COLOR_GRAY2RGB if small.ndim == 2 else cv2.COLOR_BGR2RGB)  # type: ignore[return-value]  # noqa: PLR2004  # grey
