"""How high the letters of a line are, and how thick their strokes: what tells a heading from the text below it.

The polygon of a line says little of it: the detection net finds it on a reduced page, and its height varies by a fifth
between lines of one paragraph. So both are measured in the line's pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from ocrspool.engine.models.model_set import LINE_HEIGHT
from ocrspool.engine.reading.strip_ink import runs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ocrspool.engine.spec import Pixels

_ENOUGH = 12 * LINE_HEIGHT  # pixels from the beginning of a line: about 25 letters tell its size
_LEAST_CONTRAST = 24  # grey levels between paper and ink
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


def letter_size(strips: Sequence[Pixels]) -> LetterSize | None:
    """Return the size of the letters of a line that was cut into these strips [48, w, 3]; None where it has no ink."""
    if not strips:
        return None
    ink = _ink(strips[0][:, :_ENOUGH])
    if ink is None:
        return None
    per_row = np.count_nonzero(ink, axis=1)
    per_row[per_row > _RULE * ink.shape[1]] = 0
    top, bottom = _band(per_row)
    if bottom - top < _LEAST_BAND:
        return None
    band = ink[top:bottom]
    strokes = np.count_nonzero(band[:, 1:] & ~band[:, :-1]) + np.count_nonzero(band[:, 0])
    width = float(np.count_nonzero(band)) / max(int(strokes), 1)
    return LetterSize((bottom - top) / LINE_HEIGHT, width / LINE_HEIGHT)


def _ink(strip: Pixels) -> NDArray[np.bool_] | None:
    """Return where a strip has ink: the lesser part of its pixels, dark or light."""
    green = cv2.extractChannel(strip, 1)
    edge, dark = cv2.threshold(green, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    share = cv2.countNonZero(dark) / dark.size
    if not 0 < share < 1:
        return None
    mean_dark, mean_light = cv2.mean(green, dark)[0], cv2.mean(green, 1 - dark)[0]
    if mean_light - mean_dark < _LEAST_CONTRAST or edge <= 0:
        return None
    ink: NDArray[np.bool_] = dark.astype(bool) if share <= 1 / 2 else ~dark.astype(bool)
    return ink


def _band(per_row: NDArray[np.intp]) -> tuple[int, int]:
    """Return the first and the end row of the longest run of rows that have much ink."""
    inked = per_row[per_row > 0]
    if not len(inked):
        return 0, 0
    full = per_row >= _FULL * np.quantile(inked, _QUANTILE)
    return max(runs_of(full), key=lambda run: run[1] - run[0])
