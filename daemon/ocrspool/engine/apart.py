"""Letters that stand so far apart that each was found as a line of its own: put together, before they are read."""

from __future__ import annotations

import itertools
from statistics import fmean, median
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ocrspool.engine.detect import Detected

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAST_LETTERS = 5  # four are often cells of a table (measured: rows of digits on receipts)
_BROADEST = 1.5  # width / height of a box of one letter, and
_NARROWEST = 0.3
_SAME_ROW = 0.6  # shared height, as a share of the lower box
_SAME_HEIGHT = 1.7  # times as high is a letter as another one of its word, at most: boxes are grown around x and b
_FARTHEST = 4.0  # heights from the middle of one letter to that of the next, a space between words included
_UNEVEN = 2.6  # times the median distance; what is farther is another column


class _Box(NamedTuple):
    """A level box; `place` is that of the input."""

    left: float
    top: float
    right: float
    bottom: float
    place: int

    @property
    def height(self) -> float:
        """Pixels."""
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        """Its x."""
        return (self.left + self.right) / 2


def letters_joined(lines: Sequence[Detected]) -> list[Detected]:
    """Return the lines of one page, where a row of single letters at even distances has become one line."""
    single = sorted(box for place, line in enumerate(lines) if (box := _letter(line, place)) is not None)
    taken: set[int] = set()
    joined = []
    for first in single:
        if first.place in taken:
            continue
        row = _row(first, [box for box in single if box.place not in taken])
        if len(row) >= _LEAST_LETTERS and _even(row):
            taken |= {box.place for box in row}
            joined.append(_one(row, lines))
    return [*(line for place, line in enumerate(lines) if place not in taken), *joined]


def _letter(line: Detected, place: int) -> _Box | None:
    """Return the box of a line that may be a single letter."""
    (left, top), (right, bottom) = line.polygon.min(axis=0).tolist(), line.polygon.max(axis=0).tolist()
    width, height = right - left, bottom - top
    return _Box(left, top, right, bottom, place) if _NARROWEST * height <= width <= _BROADEST * height else None


def _row(first: _Box, boxes: Sequence[_Box]) -> list[_Box]:
    """Return what stands in a row with the first box, from it to the right, each within reach of the one before."""
    row = [first]
    for box in boxes:
        last = row[-1]
        if box.left < last.right or box.middle - last.middle > _FARTHEST * max(last.height, box.height):
            continue
        shared = min(last.bottom, box.bottom) - max(last.top, box.top)
        lower, higher = sorted((last.height, box.height))
        if shared >= _SAME_ROW * lower and higher <= _SAME_HEIGHT * lower:
            row.append(box)
    return row


def _even(row: Sequence[_Box]) -> bool:
    distances = [after.middle - before.middle for before, after in itertools.pairwise(row)]
    return max(distances) <= _UNEVEN * median(distances)


def _one(row: Sequence[_Box], lines: Sequence[Detected]) -> Detected:
    left, right = row[0].left, row[-1].right
    top, bottom = min(box.top for box in row), max(box.bottom for box in row)
    polygon = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)
    return Detected(polygon, fmean(lines[box.place].confidence for box in row))
