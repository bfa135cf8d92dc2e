"""Detection of text: PP-OCR's DB detection around a detection net.

This module owns the way from a page to line polygons: scaling to the net's shape, the net, and the polygons of its
probability map. The map holds shrunken text kernels ("Real-time Scene Text Detection with Differentiable Binarization",
2020). Each kernel is boxed, scored and grown again.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from ocrspool.engine.spec import Net, Pixels

    Quad = NDArray[np.float32]
    """Four corners [4, 2] as x, y, clockwise."""

_STRIDE = 32  # the net halves its input five times
_LEAST_PAGE_SIDE = 4  # pixels; no script can be read in fewer, and scaling such a page up only makes noise
_LEAST_KERNEL_SIDE = 3  # map pixels before growing, PP-OCR's value; smaller ones are specks
_LEAST_BOX_SIDE = 5  # map pixels after growing, PP-OCR's value
_TILE_OVERLAP = 128  # map pixels shared by neighboring tiles; half of it is trimmed from each side


@dataclass(frozen=True, slots=True)
class DetectSettings:
    """Defaults of the thresholds are those stated in PP-OCRv6's own inference.yml."""

    side: int = 1280
    """Pixels to which the long side of a 3:4 page is scaled down."""
    bound: Literal["area", "side"] = "area"
    """What `side` means for other pages: "area" bounds theirs, so that a long receipt keeps its resolution; "side"
    bounds their long side, as PaddleOCR does (to 960)."""
    threshold: float = 0.2
    """Map pixels above it belong to text."""
    box_threshold: float = 0.45
    """A box whose mean probability is lower is no text."""
    unclip: float = 1.4
    """How far boxes grow, as a multiple of area / perimeter."""
    candidates: int = 3000

    def at(self, part: float) -> DetectSettings:
        """Return the same for a search at a part of `side`."""
        return replace(self, side=round(self.side * part))


class Finder(NamedTuple):
    """What finds the lines of a page."""

    net: Net
    settings: DetectSettings


@dataclass(frozen=True, slots=True)
class Detected:
    """One line found on a page."""

    polygon: Quad
    """Pixels of the page, clockwise, first the corner that is top left on the page."""
    confidence: float


def detect(net: Net, page: Pixels, settings: DetectSettings) -> list[Detected]:
    """Return the lines of one page, in no particular order."""
    height, width = page.shape[:2]
    if min(height, width) < _LEAST_PAGE_SIDE:
        return []
    found = probability_map(net, scaled(page, map_size(height, width, settings)))
    ratio = (width / found.shape[1], height / found.shape[0])
    return on_page(boxes(found, settings), ratio, page)


def on_page(found: Iterable[tuple[Quad, float]], ratio: tuple[float, float], page: Pixels) -> list[Detected]:
    """Return the boxes of a map as lines of the page, which is `ratio` times as large across and down."""
    height, width = page.shape[:2]
    some = list(found)
    polygons = np.array([polygon for polygon, _ in some]).reshape(-1, 4, 2) * ratio
    placed = np.clip(np.round(polygons), 0, (width, height)).astype(np.float32)
    return [Detected(polygon, confidence) for polygon, (_, confidence) in zip(placed, some, strict=True)]


def map_size(height: int, width: int, settings: DetectSettings) -> tuple[int, int]:
    """Return the height and width at which a page is looked at, multiples of the net's stride.

    Small pages are not enlarged: at 1.5 and 2 times their size, as many documents got worse as got better (measured).
    """
    if settings.bound == "area":
        scale = settings.side * math.sqrt(0.75 / (height * width))
    else:
        scale = settings.side / max(height, width)
    return _multiple(height * min(scale, 1.0)), _multiple(width * min(scale, 1.0))


def scaled(page: Pixels, size: tuple[int, int], interpolation: int = cv2.INTER_LINEAR) -> Pixels:
    """Return the page as [h, w, 3] in the given size; grey becomes color last, when there is least to copy."""
    height, width = size
    if page.shape[:2] != size:
        page = cv2.resize(page, (width, height), interpolation=interpolation)  # type: ignore[assignment]
    return cv2.cvtColor(page, cv2.COLOR_GRAY2BGR) if page.ndim == 2 else page  # type: ignore[return-value]  # noqa: PLR2004


def boxes(probability: NDArray[np.float32], settings: DetectSettings) -> Iterator[tuple[Quad, float]]:
    """Yield polygon and confidence of each text box of a probability map [h, w], in map pixels."""
    binary = (probability > settings.threshold).view(np.uint8)
    contours, _ = cv2.findContours(binary, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours[: settings.candidates]:
        center, (width, height), angle = cv2.minAreaRect(contour)
        if min(width, height) < _LEAST_KERNEL_SIDE:
            continue
        kernel = _clockwise(cv2.boxPoints((center, (width, height), angle)))
        confidence = min(_mean_inside(probability, kernel), 1.0)
        if not confidence >= settings.box_threshold:  # a net that overflows says NaN
            continue
        distance = settings.unclip * width * height / (2 * (width + height))  # ratio * area / perimeter
        grown = cv2.minAreaRect(_offset(kernel, distance))
        if min(grown[1]) >= _LEAST_BOX_SIDE:
            yield _clockwise(cv2.boxPoints(grown)), confidence


def _multiple(pixels: float) -> int:
    return max(round(int(pixels) / _STRIDE), 1) * _STRIDE


def probability_map(net: Net, pixels: Pixels, on_step: Callable[[], None] = lambda: None) -> NDArray[np.float32]:
    """Return the probability map of [h, w, 3]; what exceeds the net's profile is seen in overlapping tiles.

    `on_step` is told of each of these.
    """
    height, width = pixels.shape[:2]
    _, most_height, most_width, _ = net.profile.maximum
    rows, columns = _tiles(height, most_height), list(_tiles(width, most_width))
    tiles = list(itertools.product(rows, columns))
    if len(tiles) == 1:
        whole: NDArray[np.float32] = net(pixels[None])[0][0]
        on_step()
        return whole
    result = np.empty((height, width), np.float32)
    for start in range(0, len(tiles), net.batch):  # all of one size
        some = tiles[start : start + net.batch]
        parts = [pixels[row.start : row.end, column.start : column.end] for row, column in some]
        found = net(parts[0][None] if len(parts) == 1 else np.stack(parts))[0]
        for (row, column), seen in zip(some, found, strict=True):
            shown = slice(row.kept - row.start, row.kept_end - row.start)
            across = slice(column.kept - column.start, column.kept_end - column.start)
            result[row.kept : row.kept_end, column.kept : column.kept_end] = seen[shown, across]
            on_step()
    return result


class _Tile(NamedTuple):
    """One tile along one direction, in map pixels."""

    start: int
    end: int
    kept: int
    """From here"""
    kept_end: int
    """to here what the net says is kept."""


def _tiles(length: int, most: int) -> Iterator[_Tile]:
    """Cut a length into equal overlapping tiles."""
    if length <= most:
        yield _Tile(0, length, 0, length)
        return
    count = math.ceil((length - _TILE_OVERLAP) / (most - _TILE_OVERLAP))
    step = math.ceil((length - _TILE_OVERLAP) / count / _STRIDE) * _STRIDE
    size = step + _TILE_OVERLAP
    half = _TILE_OVERLAP // 2
    for index in range(count):
        start = min(index * step, length - size)
        kept = 0 if index == 0 else index * step + half
        kept_end = length if index == count - 1 else (index + 1) * step + half
        yield _Tile(start, start + size, kept, kept_end)


def _offset(kernel: Quad, distance: float) -> Quad:
    """Return the ends of a kernel's four edges, each edge moved outwards.

    PP-OCR does this with Clipper, which computes in whole numbers: it cuts the fractions off the kernel and rounds the
    result. So does this, and the boxes are the same. The arcs that Clipper puts between the edges never reach further
    than they do.
    """
    corners = [(math.trunc(x), math.trunc(y)) for x, y in kernel.tolist()]
    ends = []
    for index, (x, y) in enumerate(corners):
        next_x, next_y = corners[(index + 1) % 4]
        step = distance / math.dist((x, y), (next_x, next_y))
        right, down = (next_y - y) * step, (x - next_x) * step
        ends += [(round(x + right), round(y + down)), (round(next_x + right), round(next_y + down))]
    return np.array(ends, np.float32)


def _mean_inside(probability: NDArray[np.float32], corners: Quad) -> float:
    """Return the mean probability inside four corners."""
    height, width = probability.shape
    across, down = corners[:, 0].tolist(), corners[:, 1].tolist()
    left, right = (_within(edge, width) for edge in (math.floor(min(across)), math.ceil(max(across))))
    top, bottom = (_within(edge, height) for edge in (math.floor(min(down)), math.ceil(max(down))))
    mask = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillConvexPoly(mask, (corners - (left, top)).astype(np.int32), 1)
    return float(cv2.mean(probability[top : bottom + 1, left : right + 1], mask)[0])


def _within(place: int, length: int) -> int:
    return min(max(place, 0), length - 1)


def _clockwise(corners: NDArray[Any]) -> Quad:
    """Order corners as top left, top right, bottom right, bottom left."""
    by_x = sorted(corners.tolist(), key=itemgetter(0))
    top_left, bottom_left = sorted(by_x[:2], key=itemgetter(1))
    top_right, bottom_right = sorted(by_x[2:], key=itemgetter(1))
    return np.array([top_left, top_right, bottom_right, bottom_left], np.float32)
