"""The height of the letters of a page, from statistics of its ink. This is cheap compared with any call of a net.

Ink is what differs from the paper around it, dark or light. Some of its connected pieces have the form of a letter, or
of a short word whose letters touch. Their height tells how fine the page must be searched. Specks and hatching count
too. That costs time on a page, and no line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.spec import Pixels

_BAND = 1024
"""Rows of pixels that are measured at a time: what that takes of memory does not grow with the page."""
_SAMPLED = 8
"""Every so many pixels the paper is looked at,"""
_AROUND = 9
"""and the median of so many times as many of these is its level: letters do not cover half of such a square."""
_CONTRAST = 40
"""Grey levels by which ink differs from paper."""
_LEAST, _MOST = 5, 256
"""Pixels. Lower letters cannot be read, higher ones are seen at any scale."""
_LEAST_STROKE = 2
_LEAST_FILLED = 0.12
"""Share of its box that a letter fills; of a frame or a diagonal line less."""
_LONGEST = 8.0
"""Of a piece, relative to its height: longer ones are lines of a drawing."""
_WORD, _SOLID = 2.0, 0.6
"""From so many times its shorter side on a piece is several letters that touch, and that side is their height; but one
of which ink fills so large a share is a stroke: an i, an l or a dash."""
_CELL = 512
_FEW = 10
"""Letters in a cell of the page; fewer say nothing about its print."""
_LOW, _LOW_CELLS = 0.25, 10
"""Share of the ink in a cell that lies in lower letters, and the percentile of cells: small print counts, specks and a
picture made of dots do not."""


@dataclass(frozen=True, slots=True)
class Letters:
    """Pieces of ink on a page that may be letters; three arrays [n]."""

    x: NDArray[np.int32]
    """Pixels; of their middle."""
    y: NDArray[np.int32]
    height: NDArray[np.int32]

    def lower_than(self, pixels: float) -> Letters:
        """Return those that are lower."""
        chosen = self.height < pixels
        return Letters(self.x[chosen], self.y[chosen], self.height[chosen])

    def least_height(self) -> float | None:
        """Return the height of the smallest print of which there is more than a few letters; None without any."""
        cells = (self.y // _CELL).astype(np.int64) << 32 | self.x // _CELL
        order = np.argsort(cells, kind="stable")
        starts = np.flatnonzero(np.diff(cells[order], prepend=-1))
        groups = np.split(self.height[order], starts[1:]) if len(order) else []
        heights = [_low(group) for group in groups if len(group) >= _FEW]
        if not heights and len(order):  # scattered labels
            heights = [_low(self.height)]
        return float(np.percentile(heights, _LOW_CELLS)) if heights else None


def _low(heights: NDArray[np.int32]) -> float:
    """Return the height below which a share of the ink lies, where a letter has as much as its height squared."""
    rising = np.sort(heights).astype(np.float64)
    ink = np.cumsum(rising**2)
    return float(rising[np.searchsorted(ink, _LOW * ink[-1])])


def letters(page: Pixels) -> Letters:
    """Return what may be letters on a page [h, w] or [h, w, 3]."""
    found = [_measured(page[top : top + _BAND], top) for top in range(0, page.shape[0], _BAND)]
    return Letters(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _measured(band: Pixels, top: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    grey = band if band.ndim == 2 else cv2.cvtColor(band, cv2.COLOR_BGR2GRAY)  # noqa: PLR2004
    height, width = grey.shape
    sampled = np.ascontiguousarray(grey[::_SAMPLED, ::_SAMPLED])
    paper = cv2.resize(cv2.medianBlur(sampled, _AROUND), (width, height), interpolation=cv2.INTER_LINEAR)
    ink = cv2.threshold(cv2.absdiff(grey, paper), _CONTRAST, 1, cv2.THRESH_BINARY)[1]
    _, _, boxes, _ = cv2.connectedComponentsWithStats(ink, connectivity=8, ltype=cv2.CV_32S)
    left, above, across, down, area = boxes[1:].T
    shorter, longer = np.minimum(across, down), np.maximum(across, down)
    filled = area / (across * down)
    size = np.where((longer > _WORD * shorter) & (filled < _SOLID), shorter, longer)
    kept = (size >= _LEAST) & (size <= _MOST) & (shorter >= _LEAST_STROKE) & (longer <= _LONGEST * shorter)
    kept &= filled >= _LEAST_FILLED
    middle = (left + across // 2)[kept], (above + down // 2 + top)[kept]
    return middle[0].astype(np.int32), middle[1].astype(np.int32), size[kept].astype(np.int32)
