"""Cut lines out of a page: a polygon of the page becomes an upright strip of pixels.

It works on grey pages as on color ones. The strips keep the page's channels.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.spec import Pixels

_FROM = ([0, 1, 2, 3], [1, 2, 3, 0], [2, 3, 0, 1], [3, 0, 1, 2])
"""The order of a polygon's corners, by which one is the first. numpy's roll takes ten times as long."""
_EXACT = 0.002
"""Pixels; to cut by a 32nd of a pixel is the finest that `warpPerspective` does."""
_VERTICAL = 1.5  # height / width from which PP-OCR takes a line to run vertically


def is_vertical(polygon: NDArray[np.float32], ratio: float = _VERTICAL) -> bool:
    """Return whether the line runs down (or up) the page: its height is at least `ratio` times its width."""
    width, height = _size(polygon)
    return height >= ratio * width


def crop(page: Pixels, polygon: NDArray[np.float32]) -> Pixels:
    """Return the pixels [h, w] or [h, w, 3] inside a polygon, its first corner at the top left.

    What lies outside the page repeats the page's edge. The result has at least one pixel. Lines that do not run level
    are cut as they lie on the page and turned then, so that the same pixels are seen whichever corner is the first.
    """
    sums = [x + y for x, y in polygon.tolist()]
    first = sums.index(min(sums))
    pixels = _cut(page, quarter_turned(polygon, first) if first else polygon)
    return np.ascontiguousarray(np.rot90(pixels, -first)) if first else pixels


class Cuts:
    """Lines of one page, cut out once each: those that the classifier has seen are read afterwards."""

    def __init__(self, page: Pixels) -> None:
        self._page = page
        self._seen: dict[bytes, Pixels] = {}

    def see(self, polygon: NDArray[np.float32]) -> Pixels:
        """Return the pixels of a line, as `crop` does, and keep them until they are taken."""
        name = polygon.tobytes()
        if name not in self._seen:
            self._seen[name] = crop(self._page, polygon)
        return self._seen[name]

    def take(self, polygon: NDArray[np.float32]) -> Pixels:
        """Return the pixels of a line, for the last time: pixels of all lines together would be a page of their own."""
        seen = self._seen.pop(polygon.tobytes(), None)
        return crop(self._page, polygon) if seen is None else seen


def _cut(page: Pixels, polygon: NDArray[np.float32]) -> Pixels:
    """Return the pixels inside a polygon whose first corner is its top left one on the page.

    Two lines of three are level and lie on whole pixels: there is nothing to warp, and the pixels are the page's own.
    """
    around = rectangle(polygon)
    width, height = (max(int(side), 1) for side in _size(around))
    corners = around.tolist()
    left, top = (round(number) for number in corners[0])
    right, bottom = left + width, top + height
    page_height, page_width = page.shape[:2]
    if 0 <= left < right <= page_width and 0 <= top < bottom <= page_height:
        level = ((left, top), (right, top), (right, bottom), (left, bottom))
        if all(map(_near, corners, level)):
            return page[top:bottom, left:right]
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(around, target)
    return cv2.warpPerspective(page, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def _near(corner: list[float], place: tuple[int, int]) -> bool:
    """Return whether a corner is at that place: OpenCV computes it in floats, and misses whole numbers by less."""
    return abs(corner[0] - place[0]) < _EXACT and abs(corner[1] - place[1]) < _EXACT


def quarter_turned(polygon: NDArray[np.float32], turns: int) -> NDArray[np.float32]:
    """Return the same polygon with another first corner.

    One turn makes the top right corner of the page the first, so that `crop` shows a line that runs down the page
    upright; three turns do so for a line that runs up.
    """
    return polygon[_FROM[turns % 4]]


def rectangle(polygon: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the smallest rectangle around a polygon, clockwise from the corner nearest the polygon's first."""
    corners = cv2.boxPoints(cv2.minAreaRect(np.ascontiguousarray(polygon)))
    first = polygon[0].tolist()
    distances = [math.dist(corner, first) for corner in corners.tolist()]
    return quarter_turned(corners.astype(np.float32), distances.index(min(distances)))


def _size(polygon: NDArray[np.float32]) -> tuple[float, float]:
    """Return width and height: the longer of each pair of opposite sides.

    Plain numbers: of four corners, numpy's functions take longer to be called than to compute.
    """
    one, two, three, four = polygon.tolist()
    return max(math.dist(one, two), math.dist(three, four)), max(math.dist(two, three), math.dist(four, one))
