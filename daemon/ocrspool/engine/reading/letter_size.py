"""How high the letters of a line are, and how thick their strokes: what tells a heading from the text below it.

The polygon of a line says little of it: the detection net finds it on a reduced page, and its height varies by a fifth
between lines of one paragraph. So both are measured in the line's pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from ocrspool.engine.models.model_set import LINE_HEIGHT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.reading.own_ink import OwnInk

_ENOUGH = 12 * LINE_HEIGHT  # pixels from the beginning of a line: about 25 letters tell its size
_FULL = 0.35  # a row belongs to the band of letters if it has this share of the ink that a full row has
_QUANTILE = 0.9  # of the rows' ink, which stands for a full row: no rule across the line decides
_LEAST_BAND = LINE_HEIGHT // 8  # pixels; lower bands are rules and dashes
_RULE = 0.7  # share of a row's columns from which on it is a rule, and no letters


class LetterSize(NamedTuple):
    """Both in shares of the line's height."""

    height: float
    """Of the band that most of the ink is in: that of small letters, or of capitals where there are no small ones."""
    stroke: float
    """The mean width of the strokes in that band."""


def letter_size(ink: OwnInk) -> LetterSize | None:
    """Return the size of the letters of a line, of its ink or of that of its first strip; None where it has none."""
    pixels = ink.pixels[:, :_ENOUGH]
    most = _RULE * pixels.shape[1]
    per_row = [count if count <= most else 0 for count in _per_row(pixels)]
    top, bottom = _band(per_row)
    if bottom - top < _LEAST_BAND:
        return None
    band = pixels[top:bottom]
    # A stroke begins where a pixel has ink and the one before it has none: 1 > 0.
    strokes = np.count_nonzero(band[:, 1:] > band[:, :-1]) + np.count_nonzero(band[:, 0])
    width = sum(per_row[top:bottom]) / max(int(strokes), 1)
    return LetterSize((bottom - top) / LINE_HEIGHT, width / LINE_HEIGHT)


def _per_row(pixels: NDArray[np.uint8]) -> list[int]:
    """Return how many pixels of each row have ink. numpy takes ten times as long."""
    counts: list[int] = np.ravel(cv2.reduce(pixels, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)).tolist()
    return counts


def _band(per_row: list[int]) -> tuple[int, int]:
    """Return the first and the end row of the longest run of rows that have much ink; plain numbers, as in crop.py."""
    inked = sorted(count for count in per_row if count)
    if not inked:
        return 0, 0
    least = _FULL * inked[round(_QUANTILE * (len(inked) - 1))]
    best, start = (0, 0), 0
    for row, count in enumerate([*per_row, 0]):
        if count >= least:
            continue
        if row - start > best[1] - best[0]:
            best = start, row
        start = row + 1
    return best
