"""Cutting lines out of a page: a polygon of the page becomes an upright strip of pixels.

Works on grey pages as on color ones; the strips keep the page's channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.net import Pixels

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
    first = int(np.argmin(polygon.sum(axis=1)))
    pixels = _cut(page, np.roll(polygon, -first, axis=0))
    return np.ascontiguousarray(np.rot90(pixels, -first)) if first else pixels


def _cut(page: Pixels, polygon: NDArray[np.float32]) -> Pixels:
    """Return the pixels inside a polygon whose first corner is its top left one on the page."""
    rectangle = _rectangle(polygon)
    width, height = (max(int(side), 1) for side in _size(rectangle))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(rectangle, target)
    return cv2.warpPerspective(page, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def quarter_turned(polygon: NDArray[np.float32], turns: int) -> NDArray[np.float32]:
    """Return the same polygon with another first corner.

    One turn makes the top right corner of the page the first, so that `crop` shows a line that runs down the page
    upright; three turns do so for a line that runs up.
    """
    return np.roll(polygon, -turns, axis=0)


def _rectangle(polygon: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the smallest rectangle around a polygon, clockwise from the corner nearest the polygon's first."""
    corners = cv2.boxPoints(cv2.minAreaRect(np.ascontiguousarray(polygon)))
    nearest = int(np.argmin(np.linalg.norm(corners - polygon[0], axis=1)))
    return np.roll(corners, -nearest, axis=0).astype(np.float32)


def _size(polygon: NDArray[np.float32]) -> tuple[float, float]:
    """Return width and height: the longer of each pair of opposite sides."""
    sides = np.linalg.norm(polygon - np.roll(polygon, -1, axis=0), axis=1)
    return float(max(sides[0], sides[2])), float(max(sides[1], sides[3]))
