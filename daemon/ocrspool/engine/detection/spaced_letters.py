"""Letters so far apart that each was found as a line of its own. They are joined before they are read."""

from __future__ import annotations

import itertools
from statistics import fmean, median
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ocrspool.engine.detection.detect import Detected
from ocrspool.layout.boxes import Box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocrspool.engine.spec import Pixels

_LEAST_LETTERS = 5  # four are often cells of a table (measured: rows of digits on receipts)
_BROADEST = 1.5  # width / height of a box of one letter, and
_NARROWEST = 0.3
_SAME_ROW = 0.6  # shared height, as a share of the lower box
_SAME_HEIGHT = 1.7  # times as high is a letter as another one of its word, at most: boxes are grown around x and b
_FARTHEST = 3.0  # heights between one and the next, a space between words included
_OVERHANG = 0.7  # heights by which boxes may overlap: they are grown by that much
_UNEVEN = 2.6  # times the median distance; what is farther is another column
_LEAST_GAPS = 3
_LEAST_GAP = 0.4  # heights of a box, between letters of a piece; ordinary letters stand 0.1 apart
_LEAST_OF_LETTER = 0.7  # times the width of a letter is such a gap, too: a receipt's digits stand half of it apart
_LEAST_CONTRAST = 40  # grey levels between ink and paper


def letters_joined(page: Pixels, lines: Sequence[Detected]) -> list[Detected]:
    """Return the lines of a page [h, w] or [h, w, 3], where a row of letters at even distances has become one line.

    Of such a row the detection net finds each letter alone, or pieces of several letters.
    """
    boxes = sorted(_boxes(lines))
    tops, bottoms = (np.array([box[side] for box in boxes]) for side in (1, 3))
    taken: set[int] = set()
    joined = []
    for first in boxes:
        if first.place in taken:
            continue
        beside = np.flatnonzero((tops < first.bottom) & (bottoms > first.top)).tolist()
        row = _row(first, [boxes[index] for index in beside if boxes[index].place not in taken])
        if _are_letters(row) or _are_pieces(page, row):
            taken |= {box.place for box in row}
            joined.append(_one(row, lines))
    return [*(line for place, line in enumerate(lines) if place not in taken), *joined]


def _boxes(lines: Sequence[Detected]) -> list[Box]:
    polygons = np.array([line.polygon for line in lines]).reshape(-1, 4, 2)
    corners = zip(polygons.min(axis=1).tolist(), polygons.max(axis=1).tolist(), strict=True)
    return [Box(left, top, right, bottom, place) for place, ((left, top), (right, bottom)) in enumerate(corners)]


def _is_letter(box: Box) -> bool:
    """Return whether a box is as broad as a single letter."""
    return _NARROWEST * box.height <= box.width <= _BROADEST * box.height


def _center(box: Box) -> float:
    """Return the x of a box's middle."""
    return (box.left + box.right) / 2


def _row(first: Box, boxes: Sequence[Box]) -> list[Box]:
    """Return what stands in a row with the first box, from it to the right, each within reach of the one before."""
    row = [first]
    for box in boxes:
        last = row[-1]
        lower, higher = sorted((last.height, box.height))
        if box.left <= last.left or box.right <= last.right or higher > _SAME_HEIGHT * lower:
            continue
        shared = min(last.bottom, box.bottom) - max(last.top, box.top)
        if shared >= _SAME_ROW * lower and -_OVERHANG * higher <= box.left - last.right <= _FARTHEST * higher:
            row.append(box)
    return row


def _are_letters(row: Sequence[Box]) -> bool:
    """Return whether all of a row are single letters at even distances."""
    if len(row) < _LEAST_LETTERS or not all(_is_letter(box) for box in row):
        return False
    distances = [_center(after) - _center(before) for before, after in itertools.pairwise(row)]
    return max(distances) <= _UNEVEN * median(distances)


def _are_pieces(page: Pixels, row: Sequence[Box]) -> bool:
    """Return whether all of a row are single letters and pieces whose letters stand apart.

    Pixels are looked at only where a row has single letters or boxes that overlap: few rows of ordinary pages do.
    """
    pieces = [box for box in row if not _is_letter(box)]
    overlap = any(after.left < before.right for before, after in itertools.pairwise(row))
    if len(row) < 2 or not pieces or (len(pieces) == len(row) and not overlap):  # noqa: PLR2004  # a row
        return False
    return all(_is_spaced(page, box) for box in pieces)


def _is_spaced(page: Pixels, box: Box) -> bool:
    """Return whether gaps between the letters of a piece are wide."""
    pixels = page[max(int(box.top), 0) : int(box.bottom), max(int(box.left), 0) : int(box.right)]
    grey: Pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY) if pixels.ndim == 3 else pixels  # type: ignore[assignment]  # noqa: PLR2004  # color
    paper = float(np.median(grey))
    differs = np.abs(grey.astype(np.float32) - paper)
    if differs.max() < _LEAST_CONTRAST:
        return False
    inked = np.flatnonzero((differs > differs.max() / 2).any(axis=0))
    steps = np.diff(inked)
    gaps = steps[steps > 1]
    if len(gaps) < _LEAST_GAPS:
        return False
    letter = (len(inked) - 1) / (len(gaps) + 1)
    return float(np.median(gaps)) >= max(_LEAST_GAP * box.height, _LEAST_OF_LETTER * letter)


def _one(row: Sequence[Box], lines: Sequence[Detected]) -> Detected:
    left, right = row[0].left, row[-1].right
    top, bottom = min(box.top for box in row), max(box.bottom for box in row)
    polygon = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)
    return Detected(polygon, fmean(lines[box.place].confidence for box in row))
